/// What a frame carries: `ToAgent` or `ToCoordinator`.
public protocol WireMessage: Sendable {
  /// One JSON object with a member `type`.
  func write(to writer: inout JSONWriter)
  /// Unknown members are ignored; an unknown type, a wrong shape or a missing member is a fault.
  init(reading reader: inout JSONReader) throws(JSONFault)
}
