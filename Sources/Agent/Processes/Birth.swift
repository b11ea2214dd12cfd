import CSystem
import Glibc
import Protocol
import System

/// What a process needs until it has executed its program, and what became of that.
///
/// It runs on this memory, and reads its words from it; only once that is over any of it may go.
final class Birth {
  private var memory: OpaquePointer?
  private var preparation: Preparation?
  private let cpus: UnsafeMutableBufferPointer<UInt8>
  private var pid: Int32 = -1
  /// For another try; nil: it runs.
  private(set) var start: ToAgent.Start?
  /// It was under way when this process got its own score back, and so the child, too: see OOMScore.
  var wasLowered = false
  /// Why it does not run; nil: it does, or that is not known yet.
  private(set) var failure: Spawner.Failure?

  /// `cpus`: those that it may run on; empty: all.
  init(_ start: ToAgent.Start, _ preparation: Preparation, on cpus: [Int]) throws(Spawner.Failure) {
    let set = cpus.isEmpty ? [] : CorePins.set(of: cpus)
    self.cpus = .allocate(capacity: set.count)
    _ = self.cpus.initialize(from: set)
    self.start = start
    self.preparation = preparation
    memory = caravan_birth_make()
    if memory == nil {
      throw Spawner.Failure(
        rc: Spawner.Failure.notExecutable, words: "cannot make a process: \(SystemError.words(ENOMEM))",
        time: .now())
    }
  }

  deinit {
    if let memory, caravan_birth_is_over(memory) == 0 {
      // Who still reads it keeps it: this process is about to end.
      _ = preparation.map(Unmanaged.passRetained)
      return
    }
    cpus.deallocate()
    if let memory { caravan_birth_free(memory) }
  }

  struct Conditions {
    var stdin: Int32
    var openFiles: UInt64
    var umask: Int32
    var waits: Bool
  }

  /// Makes the process.
  func begin(in group: TaskGroup?, _ conditions: Conditions) -> caravan_spawned {
    guard let memory, let preparation else { preconditionFailure("a process is born once") }
    var what = caravan_spawn(
      candidates: preparation.candidates.list, argv: preparation.arguments.list,
      envp: preparation.environment.list, cwd: preparation.places.list[0],
      stdin_fd: conditions.stdin, stdout_fd: preparation.outputs.stdout,
      stderr_fd: preparation.outputs.stderr, stdin_path: preparation.places.list[1],
      open_files: conditions.openFiles, born_in: group?.directory ?? -1, groups: group?.joined ?? (-1, -1),
      umask: conditions.umask, cpus: cpus.isEmpty ? nil : UnsafePointer(cpus.baseAddress),
      cpu_bytes: cpus.count,
      waits: conditions.waits ? 1 : 0)
    let spawned = caravan_spawn(&what, memory)
    pid = spawned.pid
    return spawned
  }

  /// Whether the process has executed its program, or ended without.
  var isOver: Bool {
    guard let memory else { return true }
    if caravan_birth_is_over(memory) == 0 { return false }
    let outcome = caravan_birth_outcome(memory, pid)
    if outcome.stage == Int32(CARAVAN_SPAWN_RUNNING.rawValue) {
      start = nil
      if wasLowered { OOMScore.set(OOMScore.ofTasks, of: pid) }
    } else if let start, let preparation {
      failure = Spawner.failure(outcome, start.job, preparation, at: .now())
    }
    caravan_birth_free(memory)
    self.memory = nil
    preparation = nil
    return true
  }
}
