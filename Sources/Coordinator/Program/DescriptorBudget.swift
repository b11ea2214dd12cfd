import HTTP
import System

/// How the descriptors of the process are shared out, so that no kind of connection takes those of another, nor the
/// databases': where none is left, a file cannot be opened, and a commit fails.
struct DescriptorBudget: Sendable {
  /// The soft limit is raised to this at most.
  static let most = 65_536
  /// With less it does not start: every part of it would be too small to work.
  static let fewest = 160
  /// Both databases with all their readers (ReaderPool.connections: two files each, and one that they share), their
  /// writers and counts, the lock, standard streams, the threads' epoll instances and wake-ups, both listening
  /// sockets, files that are written now and then; and a third more.
  static let reserved = 96
  /// Of what is left, REST has one in so many, up to what `HTTPLimits` says.
  static let shareOfREST = 3

  /// Open connections to REST.
  let rest: Int
  /// Refused ones that stay open for a moment, on copies of their descriptors.
  let lingering: Int
  /// Open connections to the agents' port.
  let agents: Int

  init(limit: Int) throws(SystemError) {
    guard limit >= Self.fewest else {
      throw SystemError(
        .other,
        "this process may have \(limit) files open, and \(Self.fewest) are needed: raise its limit "
          + "(ulimit -n, or LimitNOFILE= of the systemd unit)")
    }
    let left = limit - Self.reserved
    let standard = HTTPLimits()
    let share = min(left / Self.shareOfREST, standard.connections + standard.lingering)
    lingering = min(standard.lingering, share / 4)
    rest = share - lingering
    agents = left - share
  }
}
