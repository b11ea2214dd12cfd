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
/// Each attempt is a session, a process group and, where the host lets us, a control group. When its main process
/// ends, whatever is left in any of them is killed: see `Orphans` for hosts without control groups.
final class ProcessRunner {
  /// When what does not go is looked at again, and how rarely that becomes; usually SIGCHLD is sooner.
  private static let lingerPoll = Period.milliseconds(20)
  private static let longestLingerPoll = Period.seconds(1)
  /// After so long what an attempt prints is read as it comes.
  private static let youth = Period.milliseconds(2)
  /// After the kernel refused that, it is asked again.
  private static let blindness = Period.milliseconds(100)
  /// So long after the last start no other is expected soon.
  static let calmTime = Period.milliseconds(100)
  /// What is there so long after SIGKILL hangs in the kernel: on a dead mount, in a device, in a frozen group.
  static let standardStuckTime = Period.seconds(30)

  let loop: EventLoop
  let spawner: Spawner
  let groups: TaskGroups?
  private let stuckTime: Period
  var pins = CorePins()
  private let orphans: Orphans
  private let memory: MemoryWatch
  let printed: (Fence, OutputStream, UnsafeRawBufferPointer) -> Void
  /// The main process ended and nothing is left; its output was handed on.
  var onEnd: ((Fence, ProcessEnd) -> Void)?
  /// The program of one that was started could not be executed.
  var onUnborn: ((Fence, Spawner.Failure) -> Void)?
  /// Whether nobody has ended it since it was started, and its lease is not over.
  var mayStillRun: (Fence) -> Bool = { _ in true }
  /// An attempt takes more memory than it may; once, or a few times.
  var onMemoryExceeded: ((Fence) -> Void)?
  /// Attempts that do not die, and what of them; told again when that changes.
  var onStuck: (([(fence: Fence, pids: [Int32])]) -> Void)?
  /// A child of this process that is no task's.
  var isOurOwn: (Int32) -> Bool = { _ in false }

  var byFence: [Fence: RunningProcess] = [:]
  private var byPID: [Int32: RunningProcess] = [:]
  /// Main processes that ended, in order, until nothing of them is left.
  private(set) var lingering: [RunningProcess] = []
  /// Processes that have not executed their programs yet, as far as is known.
  var births: [Birth] = []
  var lastBirth = Instant(nanoseconds: 0)
  var calmTimer: TimerID?
  /// What is started next, most likely.
  private var next: Preparation?
  /// Those whose output is not read as it comes, yet; in order, but those that could not be watched.
  private var young: [(process: RunningProcess, until: Instant)] = []
  private var youthTimer: TimerID?
  /// That something could not be watched has been said.
  private var isBlind = false
  private var lingerTimer: TimerID?
  private var lingerWait = ProcessRunner.lingerPoll
  private(set) var stuck: [Fence] = []
  private var ownPeakKB = caravan_own_peak_kb()

  init(
    on loop: EventLoop, spawner: consuming Spawner, groups: TaskGroups?, stuckTime: Period,
    printed: @escaping (Fence, OutputStream, UnsafeRawBufferPointer) -> Void
  ) throws(SystemError) {
    self.loop = loop
    self.spawner = spawner
    self.groups = groups
    self.stuckTime = stuckTime
    self.printed = printed
    memory = MemoryWatch(on: loop)
    if caravan_become_subreaper() < 0 { throw SystemError("cannot adopt orphans") }
    orphans = Orphans()
    memory.onExceeded = { [unowned self] in onMemoryExceeded?($0) }
  }

  /// Makes ready what will be started next, unless it is.
  func prepare(_ start: ToAgent.Start) {
    if next?.fence == start.fence { return }
    // What is refused now is told when it is started, or is not refused then.
    next = try? spawner.prepare(start)
  }

  func preparation(of start: ToAgent.Start) throws(Spawner.Failure) -> Preparation {
    if let next, next.fence == start.fence {
      self.next = nil
      return next
    }
    return try spawner.prepare(start)
  }

  func add(_ process: RunningProcess, limitMB: Int64?) throws(SystemError) {
    process.limitMB = limitMB
    let counted = process.group?.memory
    if limitMB != nil, let alarm = counted?.alarmed() {
      try process.watchMemory(alarm) { [unowned self] in onMemoryExceeded?($0) }
    }
    byFence[process.fence] = process
    byPID[process.pid] = process
    watchLater(process)
    memory.watch(process, limitMB: counted == nil ? limitMB : nil)
  }

  // MARK: Output

  /// Most short tasks are over before, and then all that they printed is read at their end: what a pipe holds is enough
  /// for so long.
  private func watchLater(_ process: RunningProcess) {
    young.append((process, .now() + Self.youth))
    if youthTimer == nil { expectGrownUps() }
  }

  private func expectGrownUps() {
    youthTimer = young.first.map { first in
      loop.schedule(at: first.until) { [weak self] in self?.watchGrownUps() }
    }
  }

  private func watchGrownUps() {
    let now = Instant.now()
    var left: [(process: RunningProcess, until: Instant)] = []
    for (process, until) in young where process.end == nil {
      if until > now {
        left.append((process, until))
        continue
      }
      do throws(SystemError) {
        try process.watchOutput()
      } catch {
        if !isBlind { Say.line("what attempt \(process.fence) prints is not read yet: \(error.message)") }
        isBlind = true
        left.append((process, now + Self.blindness))
      }
    }
    young = left
    expectGrownUps()
  }

  // MARK: Signals and ends

  /// To all processes of the attempt's group; what is gone already is no fault. SIGKILL also to who left it.
  func signal(_ fence: Fence, _ signal: AttemptEffect.Signal) {
    guard let process = byFence[fence] else { return }
    switch signal {
    case .terminate:
      Failpoint.termSignalBefore.pass()
      process.kill(SIGTERM)
      // What is stopped would not see it.
      process.kill(SIGCONT)
    case .kill:
      Failpoint.killSignalBefore.pass()
      process.kill(SIGKILL)
      process.group?.kill()
      expectDeath(of: process)
    }
  }

  private func expectDeath(of process: RunningProcess) {
    if process.killedAt != nil { return }
    process.killedAt = .now()
    loop.schedule(at: .now() + stuckTime) { [weak self] in self?.lookForStuck() }
  }

  private func lookForStuck() {
    let limit = Instant.now()
    let found = byFence.values.filter { process in
      process.killedAt.map { $0 + stuckTime <= limit } ?? false
    }.sorted { $0.fence < $1.fence }
    let fences = found.map(\.fence)
    if fences == stuck { return }
    stuck = fences
    onStuck?(found.map { ($0.fence, $0.pids) })
  }

  /// After SIGCHLD: takes all that ended.
  func reap() {
    Failpoint.reapBefore.pass()
    var unborn: [(process: RunningProcess, failure: Spawner.Failure)] = []
    var reaped = caravan_reaped()
    while caravan_reap(-1, &reaped) == 1 {
      guard let process = byPID.removeValue(forKey: reaped.pid) else {
        orphans.reaped(reaped.pid)
        continue
      }
      Failpoint.reapAfter.pass()
      process.end = end(reaped, of: process)
      // Its pid is anybody's from here on.
      process.birth?.wasLowered = false
      if let birth = process.birth, birth.isOver, let failure = birth.failure {
        unborn.append((process, failure))
        continue
      }
      lingering.append(process)
      lingerWait = Self.lingerPoll
    }
    for (process, failure) in unborn { self.unborn(process, failure) }
    if !lingering.isEmpty { settle() } else if !stuck.isEmpty { lookForStuck() }
  }

  private func end(_ reaped: caravan_reaped, of process: RunningProcess) -> ProcessEnd {
    ProcessEnd(
      how: reaped.is_signal != 0 ? .signal(reaped.code) : .exit(code: reaped.code), stop: .now(),
      cpuMicroseconds: reaped.cpu_microseconds, peakMemoryKB: peakKB(reaped, process),
      isOverMemory: process.group?.memory?.hasKilled ?? false, remark: process.remark)
  }

  /// What the kernel reports is at least as large as this process was at the fork: only a larger value is the task's
  /// own. A smaller task's is what its control group counted, where it has one.
  private func peakKB(_ reaped: caravan_reaped, _ process: RunningProcess) -> Int64 {
    if reaped.peak_kb > ownPeakKB { ownPeakKB = caravan_own_peak_kb() }
    if reaped.peak_kb > ownPeakKB { return max(process.seenPeakKB, reaped.peak_kb) }
    let counted = process.group?.memory?.peakKB ?? reaped.peak_kb
    return max(process.seenPeakKB, min(counted, reaped.peak_kb))
  }

  /// Kills what ended main processes left, and tells of those of which nothing is left.
  private func settle() {
    if let timer = lingerTimer { loop.cancel(timer) }
    lingerTimer = nil
    // With control groups only what has left its own is looked for, when nothing else can be meant.
    if byPID.isEmpty || lingering.contains(where: { $0.group == nil }) {
      orphans.kill(of: lingering, besides: byPID, isOurOwn)
    }
    var left: [RunningProcess] = []
    var gone: [RunningProcess] = []
    for process in lingering {
      if hasLeft(process) { left.append(process) } else { gone.append(process) }
    }
    lingering = left
    if !left.isEmpty {
      for process in left { expectDeath(of: process) }
      lingerTimer = loop.schedule(at: .now() + lingerWait) { [weak self] in
        self?.lingerTimer = nil
        self?.reap()
        self?.settleIfLingering()
      }
    }
    lingerWait = min(Self.longestLingerPoll, Period(nanoseconds: lingerWait.nanoseconds * 2))
    for process in gone { finish(process) }
    if !stuck.isEmpty { lookForStuck() }
  }

  private func settleIfLingering() {
    if !lingering.isEmpty && lingerTimer == nil { settle() }
  }

  /// Whether anything is left of it; that is killed.
  private func hasLeft(_ process: RunningProcess) -> Bool {
    // The group's number cannot be a new one's while somebody is in it; when nobody is, this is ESRCH. (That
    // it is given away within these microseconds takes a wrap of all pids.)
    var hasLeft = kill(-process.pid, SIGKILL) == 0
    if let group = process.group, group.isPopulated {
      group.kill()
      hasLeft = true
    }
    return hasLeft || orphans.areDying(of: process.fence)
  }

  func forget(_ process: RunningProcess) {
    process.drain()
    memory.forget(process)
    if let group = process.group { groups?.giveBack(group) }
    pins.giveBack(process.cpus)
    byFence[process.fence] = nil
  }

  private func finish(_ process: RunningProcess) {
    forget(process)
    guard let end = process.end else { preconditionFailure("\(process.fence) is over without an end") }
    onEnd?(process.fence, end)
  }
}
