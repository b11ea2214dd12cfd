import Protocol
import Scheduling
import System

/// Layouts of runs that were looked at lately, or are under way: reading a document of 22 MB again for each
/// GET of a task would take 55 ms. Bounded by the bytes of the documents; the longest unused go first.
///
/// The Engine puts what it has made; readers take it only where it is what the database has by now, so a
/// layout that is put before its commit is seen after it.
final class LayoutCache: Sendable {
  /// Bytes of documents. Those of runs under way are in memory anyway and shared.
  static let documentBytes = 128 << 20

  private struct Entry {
    var layout: RunLayout
    var bytes: Int
    /// Grows with each use of anything here.
    var lastUse: Int64
  }

  private struct State {
    var entries: [RunID: Entry] = [:]
    var bytes = 0
    var uses: Int64 = 0
  }

  private let bound: Int
  private let state = Monitor(State())

  init(documentBytes: Int = LayoutCache.documentBytes) { bound = documentBytes }

  func put(_ layout: RunLayout, for run: RunID) {
    let bytes = layout.parts.reduce(0) { $0 + $1.plan.document.count }
    state.with { state in
      state.uses += 1
      state.bytes += bytes - (state.entries[run]?.bytes ?? 0)
      state.entries[run] = Entry(layout: layout, bytes: bytes, lastUse: state.uses)
      // One always stays, however large: the one just put.
      while state.bytes > bound, state.entries.count > 1 {
        let oldest = state.entries.min { $0.value.lastUse < $1.value.lastUse }!
        state.bytes -= oldest.value.bytes
        state.entries[oldest.key] = nil
      }
    }
  }

  /// The run's layout, if it has that many parts, and that many of them dropped.
  func find(_ run: RunID, parts: Int, dropped: Int) -> RunLayout? {
    state.with { state in
      guard let layout = state.entries[run]?.layout, layout.parts.count == parts,
        layout.parts.count(where: \.isDropped) == dropped
      else { return nil }
      state.uses += 1
      state.entries[run]!.lastUse = state.uses
      return layout
    }
  }
}

extension RunLayout {
  /// Made again from what is stored; `joined` is told of each part that a generator added, in order. Throws
  /// where a document cannot be read again.
  init(
    _ parts: [StoredRun.Part], of run: RunID, joined: (StoredRun.Part, PartAddition) -> Void = { _, _ in }
  ) throws(StoreFault) {
    do throws(Fault) {
      self.init(main: try RunPlan.trusted(parts[0].document))
      for part in parts.dropFirst() {
        let generator = part.generator!
        joined(part, add(try RunPlan.trusted(generated: part.document, joining: self), by: generator))
        // At once, so that what comes after it is tied as it was then.
        if part.isDropped { _ = drop(generator: generator) }
      }
    } catch {
      throw StoreFault(
        .corrupt, "run \(run): its stored document cannot be read again (\(error.path): \(error.message))")
    }
  }
}
