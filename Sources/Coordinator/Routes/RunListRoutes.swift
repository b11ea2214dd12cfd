import HTTP
import Protocol
import Scheduling

/// `/v1/dagruns`.
struct RunListRoutes {
  let reader: StoreReader

  var routes: [Route] {
    [
      .now("GET", "/v1/dagruns", .read) { (call) throws(Problem) in
        let body = RunListBody(reader, open: try !call.flag("all"))
        return Response(status: 200, headers: [Response.jsonType], body: .stream(body))
      }
    ]
  }
}

/// The list of runs, read page by page as the client takes it: a list of 100,000 runs costs one page of memory.
///
/// `@unchecked Sendable`: a `BodySource` is used by one thread at a time.
final class RunListBody: BodySource, @unchecked Sendable {
  private static let pageRuns = 500
  private let reader: StoreReader
  private let open: Bool
  private var next: RunID? = RunID(0)
  private var writer = JSONWriter(capacity: 64 << 10)
  private var isBegun = false

  init(_ reader: StoreReader, open: Bool) {
    self.reader = reader
    self.open = open
  }

  func next(wake: @escaping @Sendable () -> Void) -> BodyPiece {
    guard let from = next else { return .end }
    if !isBegun { writer.beginArray() }
    isBegun = true
    do throws(StoreFault) {
      let page = try reader.runs(from: from, open: open, limit: Self.pageRuns)
      for row in page { row.writeListItem(to: &writer) }
      next = page.count < Self.pageRuns ? nil : RunID(page[page.count - 1].run.value + 1)
    } catch {
      return .failed
    }
    if next == nil { writer.endArray() }
    return .bytes(writer.drain())
  }

  func close() {}
}

extension RunRow {
  /// As in `dagruns.json`, then what is ours.
  func writeListItem(to writer: inout JSONWriter) {
    writer.object {
      $0.member("runID", run.value)
      $0.member("tag", tag)
      $0.member("state", state.name)
      $0.member("startTime", String(submitted.nanoseconds))
      $0.member("lastUpdate", String(lastUpdate.nanoseconds))
      $0.member("taskCounts") {
        $0.object {
          for state in TaskState.allCases where counts[Int(state.rawValue)] > 0 {
            $0.member(state.name, counts[Int(state.rawValue)])
          }
        }
      }
      writeFurther(to: &$0)
    }
  }

  /// Members that the contract's examples don't have.
  func writeFurther(to writer: inout JSONWriter) {
    writer.member("labels") { $0.raw(labels.utf8) }
    if isKillRequested, !state.isFinal { writer.member("killRequested", true) }
  }
}
