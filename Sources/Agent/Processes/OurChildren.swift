import CSystem
import Glibc
import System

/// The children of this process, orphans that it adopted included, by one read of /proc (proc_pid_children(5);
/// a kernel without it is walked through /proc, which costs more).
final class OurChildren {
  /// Bytes of the list that are read at once; each pid takes at most 11.
  private static let readBytes = 64 << 10

  private let file: FileDescriptor?
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: readBytes, alignment: 1)

  init() {
    let raw = caravan_open("/proc/self/task/\(getpid())/children", O_RDONLY, 0)
    file = raw < 0 ? nil : FileDescriptor(owning: raw)
  }

  deinit { buffer.deallocate() }

  /// Those for which `isWanted` holds. The kernel's list may miss one while others come and go: who
  /// depends on it looks again.
  func pids(where isWanted: (Int32) -> Bool) -> [Int32] {
    guard let count = readList() else {
      let me = getpid()
      return ProcessTable.pids().filter { isWanted($0) && ProcessTable.entry($0)?.parent == me }
    }
    var found: [Int32] = []
    var pid: Int32 = 0
    for byte in buffer[..<count] {
      if byte != UInt8(ascii: " ") {
        pid = pid * 10 + Int32(byte - UInt8(ascii: "0"))
      } else {
        if isWanted(pid) { found.append(pid) }
        pid = 0
      }
    }
    return found
  }

  private func readList() -> Int? {
    guard let fd = descriptor else { return nil }
    let count = pread(fd, buffer.baseAddress, buffer.count, 0)
    return count < 0 ? nil : count
  }

  private var descriptor: Int32? {
    switch file {
    case .some(let file): file.raw
    case nil: nil
    }
  }
}
