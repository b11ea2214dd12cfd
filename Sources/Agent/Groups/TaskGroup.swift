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
  private let processes: ControlFile
  /// Version 1: what a new process writes itself into, as in `GroupMemory`; nil: into the list of processes.
  private let joining: ControlFile?
  /// Version 2: what a new process is born in.
  private let birthplace: ControlFile?
  /// Version 2: whether anybody is in it, and one write that kills all.
  private let events: ControlFile?
  private let killer: ControlFile?
  private let counter: GroupMemory?
  /// Whether the memory of the present attempt is counted.
  private var isCounted = true
  /// nil: it is not.
  var memory: GroupMemory? { isCounted ? counter : nil }
  /// Whether it is of no more use: Linux from 6.14 on (seen with 6.18) kills at once whatever is born by clone3(2) in a
  /// group that `cgroup.kill` was ever written to.
  private(set) var wasKilled = false

  /// Makes what is not there. Throws where the kernel does not let us.
  init(
    number: Int, folder: String, isUnified: Bool, memory memoryFolder: String?
  ) throws(SystemError) {
    self.number = number
    self.folder = folder
    try Files.makeDirectory(folder)
    guard let processes = ControlFile(folder + "/cgroup.procs", O_RDWR) else {
      throw SystemError("cannot use the control group \(folder)")
    }
    self.processes = processes
    joining = isUnified ? nil : ControlFile(folder + "/tasks", O_WRONLY)
    events = isUnified ? ControlFile(folder + "/cgroup.events", O_RDONLY) : nil
    killer = isUnified ? ControlFile(folder + "/cgroup.kill", O_WRONLY) : nil
    birthplace = isUnified ? ControlFile(folder, O_RDONLY | O_DIRECTORY) : nil
    if let memoryFolder {
      if memoryFolder != folder { try Files.makeDirectory(memoryFolder) }
      counter = try GroupMemory(
        folder: memoryFolder, isUnified: isUnified && memoryFolder == folder)
    } else {
      counter = nil
    }
  }

  /// Before an attempt; nil: no limit. Throws where the kernel refuses it.
  func begin(limit: Int64?) throws(SystemError) {
    isCounted = isCounting(limit)
    try memory?.begin(limit: limit)
  }

  /// Beside the tree of version 2, whose group a process is born in, one of memory costs short tasks a fiftieth of their
  /// rate: for a limit alone.
  private func isCounting(_ limit: Int64?) -> Bool {
    limit != nil || birthplace == nil || counter?.joined == nil
  }

  /// An attempt that an earlier program of this start began is in it; what that program did to it is not known.
  func takeOver(limit: Int64?, kills: Int64) {
    isCounted = isCounting(limit)
    wasKilled = true
    memory?.takeOver(limit: limit, kills: kills)
  }

  /// What a new process is born in; -1: it can only join.
  var directory: Int32 { birthplace?.raw ?? -1 }

  /// What a new process writes itself into; -1: nothing more.
  var joined: (Int32, Int32) { ((joining ?? processes).raw, memory?.joined ?? -1) }

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
    if killer?.write("1") ?? false {
      wasKilled = true
      return
    }
    for pid in pids { Glibc.kill(pid, SIGKILL) }
  }

  func remove() {
    counter?.remove()
    rmdir(folder)
  }
}
