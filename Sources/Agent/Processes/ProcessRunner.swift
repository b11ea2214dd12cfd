import CSystem
import Glibc
import Protocol
import Scheduling
import System
import Transport

/// Makes, signals and reaps the processes of attempts, and says that one ended once nothing of it is left.
///
/// Ends are told by SIGCHLD and wait4(2) rather than a pidfd each: this process is the reaper of all orphans
/// among its descendants as well, so that one call tells of both, and an attempt costs four system calls
/// less. A pid cannot be another's before it is reaped here.
///
/// Each attempt is a session and a process group. When its main process ends, the group is killed; who left
/// the group by setsid(2) becomes our child when its parent ends, is found among our children, and killed.
final class ProcessRunner {
  /// How often what does not go is looked at again; usually SIGCHLD is sooner.
  private static let lingerPoll = Period.milliseconds(20)

  private let loop: EventLoop
  private let spawner: Spawner
  private let children: OurChildren
  private let printed: (Fence, OutputStream, UnsafeRawBufferPointer) -> Void
  /// The main process ended and nothing is left; its output was handed on.
  var onEnd: ((Fence, ProcessEnd) -> Void)?

  private var byFence: [Fence: RunningProcess] = [:]
  private var byPID: [Int32: RunningProcess] = [:]
  /// Main processes that ended, in order, until nothing of them is left.
  private var lingering: [RunningProcess] = []
  /// What they left elsewhere, killed and not reaped yet: one that dies has neither environment nor session to
  /// be known by, and still holds its files.
  private var dying: [Int32: Fence] = [:]
  private var lingerTimer: TimerID?
  private var ownPeakKB = caravan_own_peak_kb()

  init(
    on loop: EventLoop, spawner: consuming Spawner,
    printed: @escaping (Fence, OutputStream, UnsafeRawBufferPointer) -> Void
  ) throws(SystemError) {
    self.loop = loop
    self.spawner = spawner
    self.printed = printed
    if caravan_become_subreaper() < 0 { throw SystemError("cannot adopt orphans") }
    children = OurChildren()
  }

  /// When it was started; the attempt runs from now on.
  func spawn(_ start: ToAgent.Start) throws(Spawner.Failure) -> WallTime {
    let spawned = try spawner.spawn(start)
    Failpoint.forkAfter.pass()
    do throws(SystemError) {
      let process = try RunningProcess(start.fence, spawned, on: loop, printed: printed)
      byFence[start.fence] = process
      byPID[spawned.pid] = process
      return spawned.start
    } catch {
      // Without its output it is not to run.
      kill(-spawned.pid, SIGKILL)
      throw Spawner.Failure(rc: Spawner.Failure.notExecutable, words: error.message, time: spawned.start)
    }
  }

  /// To all processes of the attempt's group; what is gone already is no fault.
  func signal(_ fence: Fence, _ signal: AttemptEffect.Signal) {
    guard let process = byFence[fence] else { return }
    switch signal {
    case .terminate: Failpoint.termSignalBefore.pass()
    case .kill: Failpoint.killSignalBefore.pass()
    }
    kill(-process.pid, signal == .kill ? SIGKILL : SIGTERM)
    // What is stopped would not see it.
    if signal == .terminate { kill(-process.pid, SIGCONT) }
  }

  /// After SIGCHLD: takes all that ended.
  func reap() {
    Failpoint.reapBefore.pass()
    var reaped = caravan_reaped()
    while caravan_reap(-1, &reaped) == 1 {
      guard let process = byPID.removeValue(forKey: reaped.pid) else {
        dying[reaped.pid] = nil
        continue
      }
      Failpoint.reapAfter.pass()
      process.end = end(reaped)
      lingering.append(process)
    }
    if !lingering.isEmpty { settle() }
  }

  private func end(_ reaped: caravan_reaped) -> ProcessEnd {
    // At least as large as this process was at the fork: only a larger value is the task's own.
    var peak: Int64 = 0
    if reaped.peak_kb > ownPeakKB {
      ownPeakKB = caravan_own_peak_kb()
      if reaped.peak_kb > ownPeakKB { peak = reaped.peak_kb }
    }
    return ProcessEnd(
      how: reaped.is_signal != 0 ? .signal(reaped.code) : .exit(code: reaped.code), stop: .now(),
      cpuMicroseconds: reaped.cpu_microseconds, peakMemoryKB: peak)
  }

  /// Kills what ended main processes left, and tells of those of which nothing is left.
  private func settle() {
    if let timer = lingerTimer { loop.cancel(timer) }
    lingerTimer = nil
    killStrays()
    var left: [RunningProcess] = []
    var gone: [RunningProcess] = []
    for process in lingering {
      // The group's number cannot be a new one's while somebody is in it; when nobody is, this is ESRCH. (That
      // it is given away within these microseconds takes a wrap of all pids.)
      let hasGroup = kill(-process.pid, SIGKILL) == 0
      if hasGroup || dying.values.contains(process.fence) {
        left.append(process)
      } else {
        gone.append(process)
      }
    }
    lingering = left
    if !left.isEmpty {
      lingerTimer = loop.schedule(at: .now() + Self.lingerPoll) { [weak self] in
        self?.lingerTimer = nil
        self?.reap()
        self?.settleIfLingering()
      }
    }
    for process in gone { finish(process) }
  }

  private func settleIfLingering() {
    if !lingering.isEmpty && lingerTimer == nil { settle() }
  }

  private func finish(_ process: RunningProcess) {
    process.drain()
    byFence[process.fence] = nil
    guard let end = process.end else { preconditionFailure("\(process.fence) is over without an end") }
    onEnd?(process.fence, end)
  }

  /// Kills our children that are no main process and belong to an attempt whose main process ended.
  private func killStrays() {
    for pid in children.pids(where: { byPID[$0] == nil && dying[$0] == nil }) {
      guard let owner = owner(of: pid) else { continue }
      kill(pid, SIGKILL)
      dying[pid] = owner
    }
  }

  /// Which ended attempt an orphan came from: by its environment, else by its session. One that hides both is
  /// taken for the ended attempt's when nothing else runs; till then it may be a running one's.
  private func owner(of pid: Int32) -> Fence? {
    if let text = ProcessTable.variable(TaskEnvironment.fenceVariable, of: pid), let number = Int64(text) {
      let fence = Fence(number)
      return lingering.contains { $0.fence == fence } ? fence : nil
    }
    let session = ProcessTable.entry(pid)?.session
    if let session, let process = lingering.first(where: { $0.pid == session }) { return process.fence }
    if let session, byPID[session] != nil { return nil }
    return byPID.isEmpty ? lingering.first?.fence : nil
  }
}
