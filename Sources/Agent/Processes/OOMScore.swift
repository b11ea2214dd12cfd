import Glibc

/// What the kernel adds to this process's size when it looks for one to end, since memory has run out
/// (proc_pid_oom_score_adj(5)). It is to take tasks before the agent, and long before the host's own services.
///
/// A child has its parent's from its first moment on. It cannot get one of its own before it has executed its program,
/// as one that borrows its parent's memory changes the parent's too; so the parent has the tasks' while it makes some, and its
/// own again soon after. Meanwhile the largest of them is taken all the same.
final class OOMScore {
  /// What tasks get; at most 1000.
  static let ofTasks = 500

  private let file = ControlFile("/proc/self/oom_score_adj", O_RDWR)
  /// What this process was started with.
  private(set) var own = 0
  private var isOurs = false
  private(set) var isRaised = false

  init() { take(own: file.flatMap { Int(String(decoding: $0.read().dropLast(), as: UTF8.self)) } ?? 0) }

  /// The program before this one, in the same process, may have had it raised.
  func takeOver(own: Int) { take(own: own) }

  /// Where the way back is not allowed, it stays as it is: it would be lower than what somebody privileged has set.
  private func take(own: Int) {
    self.own = own
    isRaised = false
    isOurs = (file?.write("\(own)") ?? false) && own < Self.ofTasks
  }

  /// Before a child is made.
  func raise() {
    if isRaised || !isOurs { return }
    isRaised = file?.write("\(Self.ofTasks)") ?? false
  }

  /// A child that still borrows this process's memory is lowered, too.
  func lower() {
    if !isRaised { return }
    isRaised = false
    file?.write("\(own)")
  }

  /// Of another process; it may have ended, but not be reaped.
  static func set(_ score: Int, of pid: Int32) {
    ControlFile("/proc/\(pid)/oom_score_adj", O_WRONLY)?.write("\(score)")
  }
}
