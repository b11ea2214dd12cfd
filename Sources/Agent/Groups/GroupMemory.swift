import CSystem
import Glibc
import System

/// The memory of one task group: a limit for an attempt, what it took at most, and whether the kernel has killed for it.
///
/// Version 1 (Documentation/admin-guide/cgroup-v1/memory.rst of the kernel) kills one process and tells by an eventfd;
/// version 2 (cgroup-v2.rst) kills the whole group at once.
final class GroupMemory {
  private let folder: String
  private let isUnified: Bool
  /// Version 1: what a new process writes itself into. `tasks` and not `cgroup.procs`: a thread that moves itself alone
  /// waits for no lock of all processes (Linux 5.18).
  private let joining: ControlFile?
  private let limit: ControlFile
  /// With swap: the same limit, or a task would go on there.
  private let swapLimit: ControlFile?
  private let kills: ControlFile
  private let peak: ControlFile?
  private let usage: ControlFile?
  private var bytes: Int64?
  /// `oom_kill` when the attempt began.
  private(set) var killsBefore: Int64 = 0
  /// Version 1: readable once the kernel kills.
  private var alarm: FileDescriptor?

  init(folder: String, isUnified: Bool) throws(SystemError) {
    self.folder = folder
    self.isUnified = isUnified
    let names =
      isUnified
      ? (
        limit: "memory.max", swap: "memory.swap.max", kills: "memory.events", peak: "memory.peak",
        usage: "memory.current"
      )
      : (
        limit: "memory.limit_in_bytes", swap: "memory.memsw.limit_in_bytes", kills: "memory.oom_control",
        peak: "memory.max_usage_in_bytes", usage: "memory.usage_in_bytes"
      )
    guard let limit = ControlFile("\(folder)/\(names.limit)", O_RDWR),
      let kills = ControlFile("\(folder)/\(names.kills)", O_RDONLY)
    else { throw SystemError("cannot use the control group \(folder)") }
    self.limit = limit
    self.kills = kills
    swapLimit = ControlFile("\(folder)/\(names.swap)", O_RDWR)
    peak = ControlFile("\(folder)/\(names.peak)", O_RDWR)
    usage = ControlFile("\(folder)/\(names.usage)", O_RDONLY)
    joining = isUnified ? nil : ControlFile(folder + "/tasks", O_WRONLY)
    if !isUnified && joining == nil { throw SystemError("cannot use the control group \(folder)") }
    if isUnified { ControlFile(folder + "/memory.oom.group", O_WRONLY)?.write("1") }
  }

  var joined: Int32? { joining?.raw }

  /// What execve(2) may take before a child has memory of its own (6 MiB of words) and what the kernel needs for it.
  private static let birthBytes: Int64 = 8 << 20

  /// Whether too little is left for a process to begin: what earlier attempts left in /dev/shm counts here and stays.
  /// A kernel that runs out of memory for a child that borrows ours would end us with it.
  var isFull: Bool {
    guard let bytes else { return false }
    return (usage?.number() ?? bytes) > bytes - Self.birthBytes
  }

  /// Before an attempt; nil: no limit. Throws where the kernel refuses it.
  func begin(limit wanted: Int64?) throws(SystemError) {
    if wanted != bytes { try setLimit(wanted) }
    if wanted != nil { killsBefore = kills.number("oom_kill") ?? 0 }
    // Where it cannot be begun anew, what earlier attempts took counts too: never for an attempt with a limit alone.
    peak?.write("0")
  }

  /// An attempt that an earlier program of this start began is in it.
  func takeOver(limit: Int64?, kills: Int64) {
    bytes = limit
    killsBefore = kills
  }

  private func setLimit(_ wanted: Int64?) throws(SystemError) {
    let none = isUnified ? "max" : "-1"
    let text = wanted.map { "\($0)" } ?? none
    // What earlier attempts read from files still counts here, and nobody needs it.
    if wanted != nil, !isUnified { ControlFile(folder + "/memory.force_empty", O_WRONLY)?.write("0") }
    // Of the two of version 1 neither may be on the wrong side of the other for a moment.
    if !isUnified { swapLimit?.write(none) }
    if !limit.write(text) { throw SystemError("cannot limit the memory of the control group \(folder)") }
    swapLimit?.write(isUnified && wanted != nil ? "0" : text)
    bytes = wanted
  }

  /// Whether the kernel has killed a process of the attempt since its memory was over the limit.
  var hasKilled: Bool { bytes != nil && (kills.number("oom_kill") ?? 0) > killsBefore }

  /// The most that the attempt's processes took together, in KB, with what they read from files.
  var peakKB: Int64? { peak?.number().map { $0 >> 10 } }

  /// Version 1: a descriptor that becomes readable when the kernel is about to kill; nil: it takes all at once, or
  /// cannot tell. The same one each time.
  func alarmed() -> Int32? {
    if isUnified { return nil }
    switch alarm {
    case .some(let alarm): return alarm.raw
    case nil: break
    }
    let raw = caravan_eventfd()
    if raw < 0 { return nil }
    let made = FileDescriptor(owning: raw)
    guard let control = ControlFile(folder + "/cgroup.event_control", O_WRONLY),
      control.write("\(raw) \(kills.raw)")
    else { return nil }
    alarm = consume made
    return raw
  }

  func remove() { rmdir(folder) }
}
