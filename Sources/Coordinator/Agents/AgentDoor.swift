import Scheduling
import Transport

/// Lets connections in at the agents' port: counts them, numbers them from 1, and keeps those that say nothing from
/// taking the place of agents.
///
/// `@unchecked Sendable`: the loop's thread alone uses it, once it is made.
final class AgentDoor: @unchecked Sendable {
  private let connections: Int
  private let makeSession: (SessionID, FrameConnection) -> AgentSession
  private var count: Int64 = 0
  private var open = 0
  private var anteroom: Anteroom
  private var waiting: [SessionID: AgentSession] = [:]
  private var notes = JournalThrottle()
  private var endings = JournalThrottle()

  init(connections: Int, _ makeSession: @escaping (SessionID, FrameConnection) -> AgentSession) {
    self.connections = connections
    self.makeSession = makeSession
    anteroom = Anteroom(.init(connections: connections))
  }

  func take(_ connection: FrameConnection) {
    if open >= connections {
      guard let longest = anteroom.leaveFirst() else {
        return notes.say(
          "agents' port: \(open) agents are connected, which is all that this process has files for; \(connection.peer) "
            + "is turned away: raise its limit (ulimit -n, or LimitNOFILE= of the systemd unit)")
      }
      turnAway(longest)
    }
    count += 1
    let id = SessionID(count)
    let session = makeSession(id, connection)
    open += 1
    session.onAdmitted = { [self] in forget(id) }
    session.onClosed = { [self] end in
      open -= 1
      if waiting[id] != nil {
        endings.say("connection from \(connection.peer) was not let in: \(end)")
        forget(id)
      }
    }
    if let longest = anteroom.enter(id, from: Self.address(connection.peer)) { turnAway(longest) }
    waiting[id] = session
    session.open()
  }

  func note(_ words: String) { notes.say(words) }

  private func turnAway(_ id: SessionID) { waiting[id]?.turnAway("others wait, and it has said nothing") }

  private func forget(_ id: SessionID) {
    waiting[id] = nil
    anteroom.leave(id)
  }

  /// Without its port.
  private static func address(_ peer: String) -> String {
    peer.lastIndex(of: ":").map { String(peer[..<$0]) } ?? peer
  }
}
