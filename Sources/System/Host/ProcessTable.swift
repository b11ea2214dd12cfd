import Glibc

/// What /proc says of processes (proc(5)). A process may be gone at any moment: then the answer is nil.
public enum ProcessTable {
  /// All process ids, in the order of their names.
  public static func pids() -> [Int32] {
    ((try? Files.names(in: "/proc")) ?? []).compactMap { Int32($0) }
  }

  public struct Entry: Sendable {
    public var parent: Int32
    public var group: Int32
    public var session: Int32
    /// It has ended and waits to be reaped.
    public var isZombie: Bool
  }

  public static func entry(_ pid: Int32) -> Entry? {
    guard let text = Files.line("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
    // After the name, which may hold anything: state, parent, group, session.
    let words = text[text.index(after: end)...].split(separator: " ", maxSplits: 4)
    guard words.count > 4, let parent = Int32(words[1]), let group = Int32(words[2]),
      let session = Int32(words[3])
    else { return nil }
    return Entry(parent: parent, group: group, session: session, isZombie: words[0] == "Z" || words[0] == "X")
  }

  /// A process and all who descend from it by parents that are still there.
  public static func family(of pid: Int32) -> [Int32] {
    var found = [pid]
    var next = 0
    while next < found.count {
      found += children(of: found[next])
      next += 1
    }
    return found
  }

  /// By the kernel's own list (proc_pid_children(5)); a kernel without it is asked of every process.
  private static func children(of pid: Int32) -> [Int32] {
    let threads = ((try? Files.names(in: "/proc/\(pid)/task")) ?? []).compactMap { Int32($0) }
    if threads.isEmpty { return [] }
    var found: [Int32] = []
    for thread in threads {
      guard let list = try? Files.read("/proc/\(pid)/task/\(thread)/children") else {
        return pids().filter { entry($0)?.parent == pid }
      }
      found += list.split(separator: UInt8(ascii: " ")).compactMap {
        Int32(String(decoding: $0, as: UTF8.self))
      }
    }
    return found
  }

  /// The value of a variable in a process's environment as it was executed.
  public static func variable(_ name: String, of pid: Int32) -> String? {
    guard let bytes = try? Files.read("/proc/\(pid)/environ") else { return nil }
    let prefix = Array((name + "=").utf8)
    for item in bytes.split(separator: 0) where item.starts(with: prefix) {
      return String(decoding: item.dropFirst(prefix.count), as: UTF8.self)
    }
    return nil
  }
}
