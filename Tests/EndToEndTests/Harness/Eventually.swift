import Foundation

struct NeverHappened: Error, CustomStringConvertible {
  var description: String
}

/// Waits until `condition` holds, asking often. The deadline only bounds a failing test's time: it is far
/// above what a loaded machine needs.
func eventually(
  _ what: String, within seconds: Double = 60, _ condition: () async throws -> Bool
) async throws {
  try await eventually(what, within: seconds) { try await condition() ? () : nil }
}

/// Waits until `value` gives something.
func eventually<Value>(
  _ what: String, within seconds: Double = 60, _ value: () async throws -> Value?
) async throws -> Value {
  let deadline = ContinuousClock.now + .seconds(seconds)
  while true {
    if let value = try await value() { return value }
    guard ContinuousClock.now < deadline else {
      throw NeverHappened(description: "not within \(seconds) s: \(what)")
    }
    try await Task.sleep(for: .milliseconds(15))
  }
}
