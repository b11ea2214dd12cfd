/// Some bytes of a stream; `offset` counts from its first byte.
struct KeptPiece: Hashable, Sendable {
  var offset: Int64
  var bytes: [UInt8]
}
