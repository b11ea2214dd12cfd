import Protocol

/// How much of a stream an agent keeps: its first bytes and its last; what lies between is cut away, and that is said.
struct OutputCaps: Hashable, Sendable {
  /// 16 MiB and 48 MiB.
  static let standard = OutputCaps(headMiB: 16, tailMiB: 48)
  /// Of either.
  static let mostMiB: Int64 = 1 << 20

  var headBytes: Int64
  var tailBytes: Int64

  init(headMiB: Int64, tailMiB: Int64) {
    headBytes = headMiB << 20
    tailBytes = tailMiB << 20
  }
}

/// Where output is kept that cannot be sent yet.
struct OutputFolder: Sendable {
  var path: String
  /// Of streams that begin now; one that an earlier start kept has those of then.
  var caps = OutputCaps.standard
}

/// `FENCE.STREAM.FROM.HEAD-TAIL`: from which offset on a file holds a stream, and the caps, in MiB, which say where in
/// the file what is. So the next start knows all of it from the name.
struct KeptFileName: Hashable, Sendable {
  var fence: Fence
  var stream: OutputStream
  var from: Int64
  var caps: OutputCaps

  init(_ fence: Fence, _ stream: OutputStream, from: Int64, _ caps: OutputCaps) {
    self.fence = fence
    self.stream = stream
    self.from = from
    self.caps = caps
  }

  /// nil: it is none.
  init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4, let number = Int64(parts[0]),
      let stream = OutputStream.allCases.first(where: { $0.name == parts[1] }), let from = Int64(parts[2])
    else { return nil }
    let sizes = parts[3].split(separator: "-").compactMap { Int64($0) }
    guard sizes.count == 2, sizes.allSatisfy({ (0...OutputCaps.mostMiB).contains($0) }) else { return nil }
    self.init(Fence(number), stream, from: from, OutputCaps(headMiB: sizes[0], tailMiB: sizes[1]))
  }

  var text: String {
    "\(fence).\(stream.name).\(from).\(caps.headBytes >> 20)-\(caps.tailBytes >> 20)"
  }

  func path(in folder: OutputFolder) -> String { "\(folder.path)/\(text)" }
}
