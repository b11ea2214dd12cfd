/// Bounds how many clusters there are at once: the test runner starts all tests together, and forty
/// coordinators on two cores would make everything slow and nothing more certain.
actor Turns {
  static let clusters = Turns(4)

  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(_ count: Int) { free = count }

  func take() async {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  func giveBack() {
    if waiting.isEmpty {
      free += 1
    } else {
      waiting.removeFirst().resume()
    }
  }
}
