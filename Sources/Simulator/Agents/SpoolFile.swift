import Protocol
import Scheduling

/// The agent's spool file. What was flushed survives the process; of what was flushed before a power loss a
/// part from the beginning on may be there, under a boot id that is no more.
struct SpoolFile {
  private(set) var lines: [SpoolRecord] = []
  /// Of them, those that are written; what follows is in the process only.
  private var flushed = 0
  /// The boot under which the lines were written.
  private(set) var boot = 0

  var hasPending: Bool {
    @inline(__always) get { flushed < lines.count }
  }

  mutating func reset() {
    remove()
    boot = 0
  }

  mutating func append(_ record: consuming SpoolRecord) { lines.append(record) }

  /// `ended` is told of each end among it.
  mutating func flush(_ ended: (Fence) -> Void) {
    while flushed < lines.count {
      if case .ended(let fence, _) = lines[flushed] { ended(fence) }
      flushed += 1
    }
  }

  /// Before a fork: only starts, which stand before what else was to be written.
  mutating func flushStarts() {
    for at in flushed..<lines.count {
      guard case .started = lines[at] else { continue }
      let start = lines.remove(at: at)
      lines.insert(start, at: flushed)
      flushed += 1
    }
  }

  /// The process is gone: so is what it had not written.
  mutating func losePending() { lines.removeLast(lines.count - flushed) }

  /// The host lost its power.
  mutating func lose(after kept: Int) {
    lines.removeLast(max(0, lines.count - kept))
    flushed = lines.count
  }

  mutating func remove() {
    lines.empty()
    flushed = 0
  }

  /// With an end goes what only memory held of its output.
  func hasEnd(of fence: Fence) -> Bool {
    lines.contains {
      if case .ended(fence, _) = $0 { true } else { false }
    }
  }

  /// What earlier starts left, as `EarlierStarts` reads it, in the order of fences.
  func left(boot current: Int) -> [(fence: Fence, result: AttemptResult)] {
    guard boot == current else { return [] }
    var open: [(fence: Fence, result: AttemptResult)] = []
    for line in lines {
      switch line {
      case .started(let fence, _):
        let lost = AttemptResult(
          kind: .lost, rc: -1, start: .none, stop: .none, words: "the agent's process died while it ran")
        open.append((fence, lost))
      case .ended(let fence, let result):
        if let at = open.firstIndex(where: { $0.fence == fence }) {
          open[at].result = result
        } else {
          open.append((fence, result))
        }
      case .acknowledged(let fence):
        if let at = open.firstIndex(where: { $0.fence == fence }) { open.remove(at: at) }
      }
    }
    return open.sorted { $0.fence < $1.fence }
  }

  /// The file of a new start begins with what earlier ones left.
  mutating func begin(with left: [(fence: Fence, result: AttemptResult)], boot: Int) {
    self.boot = boot
    lines.empty()
    for (fence, result) in left { lines.append(.ended(fence, result)) }
    flushed = lines.count
  }
}
