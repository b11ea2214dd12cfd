import Scheduling

/// Connections to the agents' port that nobody knows yet: their hello has not come, or did not hold. Only so many may wait, and of one address only a
/// part of them: who comes beyond that takes the place of the one that has waited longest, of its own address where
/// that has its part. An agent says its hello at once, and so is past this room before anybody can take its place.
struct Anteroom {
  struct Limits: Hashable, Sendable {
    var all: Int
    var perAddress: Int

    /// At most.
    static let most = 1024

    /// - Parameter connections: open ones to the agents' port, in all.
    init(connections: Int) {
      all = max(2, min(Self.most, connections / 4))
      perAddress = max(1, all / 2)
    }

    init(all: Int, perAddress: Int) {
      self.all = all
      self.perAddress = perAddress
    }
  }

  private struct Guest {
    var id: SessionID
    var address: String
  }

  private let limits: Limits
  /// By their coming.
  private var guests: [Guest] = []

  init(_ limits: Limits) { self.limits = limits }

  var count: Int { guests.count }

  /// Takes it in; answers who has to go for it.
  mutating func enter(_ id: SessionID, from address: String) -> SessionID? {
    var leaving: SessionID?
    if guests.count(where: { $0.address == address }) >= limits.perAddress {
      leaving = leave(guests.firstIndex { $0.address == address })
    } else if guests.count >= limits.all {
      leaving = leave(guests.startIndex)
    }
    guests.append(Guest(id: id, address: address))
    return leaving
  }

  /// It was let in, or is gone.
  mutating func leave(_ id: SessionID) { _ = leave(guests.firstIndex { $0.id == id }) }

  /// Who has waited longest goes; nil: nobody waits.
  mutating func leaveFirst() -> SessionID? { leave(guests.isEmpty ? nil : guests.startIndex) }

  private mutating func leave(_ at: Int?) -> SessionID? { at.map { guests.remove(at: $0).id } }
}
