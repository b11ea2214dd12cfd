/// What this build speaks. `hello` carries the range, `welcome` the choice.
public enum ProtocolVersion {
  public static let oldest = 1
  public static let newest = 1
}

/// Bounds of the agent protocol.
public enum FrameLimits {
  /// Bytes of one frame's payload.
  public static let payloadBytes = 1 << 20
  /// Bytes of a payload that holds nothing but one message to an agent: a start whose job brings its input along.
  public static let alonePayloadBytesToAgent = 3 << 20
  /// Bytes of one frame's payload before the hello is accepted.
  public static let payloadBytesBeforeHello = 4 << 10
  /// Unacknowledged output bytes an attempt may have under way.
  public static let unacknowledgedOutputBytes = 256 << 10
}
