import Protocol

/// What an agent knows of its attempts, by fence. Looked up only, never walked: order is the owner's matter.
struct HeldAttempts: Sendable {
  private var slots = SlotTable()
  private var attempts = Slab<HeldAttempt>()

  /// nil: it is not known, or is forgotten.
  subscript(fence: Fence) -> HeldAttempt? {
    get { slots[fence.value].map { attempts[$0] } }
    set {
      switch (slots[fence.value], newValue) {
      case (let slot?, let attempt?): attempts[slot] = attempt
      case (let slot?, nil):
        // So that its words are not kept until the slot is used again.
        attempts[slot] = .waiting
        attempts.remove(slot)
        slots[fence.value] = nil
      case (nil, let attempt?): slots[fence.value] = attempts.insert(attempt)
      case (nil, nil): break
      }
    }
  }
}
