import Protocol
import System
import Transport

/// Ends tasks whose lease is over where the runner does not: it was stopped, or hangs.
///
/// The runner ends what it must at 90 % of a lease and the coordinator gives the work to others at 110; in between this
/// looks whether something is left. A runner that works leaves nothing to be found.
final class LeaseGuard {
  private static let percent: Int64 = 95
  /// Between two looks while leases are over.
  private static let pace = Period.seconds(1)

  private let tasks: TasksOfStart
  private let loop: EventLoop
  private var timer: TimerID?
  /// nil: nothing was said yet.
  private var from: Instant?
  /// The coordinator's; nil: one that does not end.
  private var standard: Period?

  init(_ tasks: TasksOfStart, on loop: EventLoop) {
    self.tasks = tasks
    self.loop = loop
  }

  /// `shortest`: of all leases that run; nil: none ends.
  func renewed(_ from: Instant, standard: Period?, shortest: Period?) {
    self.from = from
    self.standard = standard
    if let timer { loop.cancel(timer) }
    timer = nil
    if let shortest { look(at: from + shortest.percent(Self.percent)) }
  }

  private func look(at time: Instant) { timer = loop.schedule(at: time) { [weak self] in self?.look() } }

  private func look() {
    guard let from else { return }
    let now = Instant.now()
    var late: Set<Fence> = []
    for (fence, lease) in tasks.leases() {
      guard let length = lease == .standard ? standard : lease.length else { continue }
      if from + length.percent(Self.percent) <= now { late.insert(fence) }
    }
    let count = late.isEmpty ? 0 : tasks.end(late)
    if count > 0 {
      Say.line("killed \(count) processes whose lease is over: the agent's other process did not")
    }
    look(at: now + Self.pace)
  }
}
