import Glibc

/// What the kernel adds to this process's size when it looks for one to end, since memory has run out
/// (proc_pid_oom_score_adj(5)). It is to take tasks before the agent, and long before the host's own services.
///
/// A child has its parent's from its first moment on. It cannot get one of its own before it has executed its program,
/// as one that borrows its parent's memory changes the parent's too; so the parent has the tasks' while it makes some, and its
/// own again soon after. Meanwhile the largest of them is taken all the same, which this process hardly is.
final class OOMScore {
  /// What tasks get; at most 1000.
  static let ofTasks = 500

  private let file: ControlFile?
  /// What this process was started with.
  let own: Int
  private(set) var isRaised = false

  init() {
    let file = ControlFile("/proc/self/oom_score_adj", O_RDWR)
    own = file.flatMap { Int(String(decoding: $0.read().dropLast(), as: UTF8.self)) } ?? 0
    // Where the way back is not allowed, it stays as it is: it would be lower than what somebody privileged has set.
    self.file = own < Self.ofTasks && file?.write("\(own)") == true ? file : nil
  }

  /// Before a child is made.
  func raise() {
    if isRaised { return }
    isRaised = file?.write("\(Self.ofTasks)") ?? false
  }

  /// Once no child borrows this process's memory any more: it would be lowered, too.
  func lower() {
    if !isRaised { return }
    isRaised = false
    file?.write("\(own)")
  }

  /// Of a process that was made meanwhile and is no task.
  static func set(_ score: Int) { ControlFile("/proc/self/oom_score_adj", O_WRONLY)?.write("\(score)") }
}
