import CSystem
import Glibc
import System

/// A control group that holds all processes of one attempt, and later of another: whatever they start is born in it,
/// so that nothing gets away by setsid(2), a double fork or a cleared environment.
///
/// Where the host has version 2 of control groups (with or without the older ones beside it), processes are told and
/// killed there; memory is counted where its controller is.
final class TaskGroup {
  let number: Int
  /// Members are looked up and killed here.
  private let folder: String
  private let processes: GroupFile
  /// Version 2: whether anybody is in it, and one write that kills all.
  private let events: GroupFile?
  private let killer: GroupFile?
  /// nil: memory is not counted.
  let memory: GroupMemory?

  /// Makes what is not there. Throws where the kernel does not let us.
  init(
    number: Int, folder: String, isUnified: Bool, memory memoryFolder: String?
  ) throws(SystemError) {
    self.number = number
    self.folder = folder
    try Files.makeDirectory(folder)
    guard let processes = GroupFile(folder + "/cgroup.procs", O_RDWR) else {
      throw SystemError("cannot use the control group \(folder)")
    }
    self.processes = processes
    events = isUnified ? GroupFile(folder + "/cgroup.events", O_RDONLY) : nil
    killer = isUnified ? GroupFile(folder + "/cgroup.kill", O_WRONLY) : nil
    if let memoryFolder {
      if memoryFolder != folder { try Files.makeDirectory(memoryFolder) }
      memory = try GroupMemory(
        folder: memoryFolder, isUnified: isUnified && memoryFolder == folder)
    } else {
      memory = nil
    }
  }

  /// What a new process writes itself into; -1: nothing more.
  var joined: (Int32, Int32) { (processes.raw, memory?.joined ?? -1) }

  /// Whether a process of it is left. One that has ended and was not reaped is none.
  var isPopulated: Bool {
    if let events { return events.number("populated") != 0 }
    return !processes.read().isEmpty
  }

  var pids: [Int32] {
    processes.read().split(separator: UInt8(ascii: "\n")).compactMap {
      Int32(String(decoding: $0, as: UTF8.self))
    }
  }

  /// SIGKILL to all of it. Without version 2 who forks meanwhile may be missed: look again.
  func kill() {
    if killer?.write("1") ?? false { return }
    for pid in pids { Glibc.kill(pid, SIGKILL) }
  }

  func remove() {
    memory?.remove()
    rmdir(folder)
  }
}
