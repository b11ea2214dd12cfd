import HTTP
import Protocol
import Scheduling

/// `/v1/dagrun/{runid}/tasks`: pages of names and states, in the run's order.
struct TaskListRoutes {
  static let pageDefault: Int64 = 1000
  static let pageMost: Int64 = 10_000
  let reader: StoreReader

  var routes: [Route] {
    [.now("GET", "/v1/dagrun/{runid}/tasks", .read) { (call) throws(Problem) in try list(call) }]
  }

  private func list(_ call: Call) throws(Problem) -> Response {
    let lookup = RunLookup(reader: reader)
    let run = try lookup.run(call).run
    let layout = try lookup.layout(of: run)
    let limit = Int(try call.count("limit", 1...Self.pageMost) ?? Self.pageDefault)
    let states = try call.taskStates()
    // A cursor is the first task of the next page; whoever makes one up gets some page.
    let cursor = Int32(try call.count("cursor", 0...Int64(Int32.max)) ?? 0)
    let family = try family(call, in: layout)
    var walk = TaskWalk(layout, from: max(cursor, family?.lowerBound ?? 0))
    var bytes = TaskBytes(reader, run)
    var writer = JSONWriter(capacity: 80 * limit)
    var count = 0
    var nextPage: TaskIndex?
    writer.beginArray()
    try reading { () throws(StoreFault) in
      while let task = walk.next() {
        if let family, task.value >= family.upperBound { break }
        let state = try bytes.byte(of: task).state
        if !states.isEmpty, !states.contains(state) { continue }
        if count == limit {
          nextPage = task
          break
        }
        count += 1
        writer.object {
          $0.member("name", layout.taskName(task))
          $0.member("family", layout.familyName(layout.locate(task).family))
          $0.member("state", state.name)
        }
      }
    }
    writer.endArray()
    var response = Response(status: 200, headers: [Response.jsonType], body: .bytes(writer.take()))
    if let nextPage { response.headers.append(("Link", Self.link(call.request, nextPage))) }
    return response
  }

  /// The tasks of `?family=`, which may be any name as written in a DAG.
  private func family(_ call: Call, in layout: RunLayout) throws(Problem) -> Range<Int32>? {
    guard let name = call.request.query("family") else { return nil }
    switch layout.find(name: name) {
    case .family(let family):
      let first = layout.first(family).value
      return first..<first + layout.family(family).count
    case .task(let task) where layout.familyName(layout.locate(task).family) == name:
      return task.value..<task.value + 1
    case .task, nil: throw Problem(404, "run \(call.values[0]) has no family \"\(name)\"")
    }
  }

  /// RFC 8288: the same question with another cursor.
  private static func link(_ request: Request, _ next: TaskIndex) -> String {
    var query = request.query.filter { $0.name != "cursor" }
    query.append(("cursor", String(next.value)))
    let text = query.map { "\(percentEncoded($0.name))=\(percentEncoded($0.value))" }.joined(separator: "&")
    return "<\(request.rawPath)?\(text)>; rel=\"next\""
  }

  /// RFC 3986, 2.3: all but unreserved characters.
  static func percentEncoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var out: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        out.append(byte)
      default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
