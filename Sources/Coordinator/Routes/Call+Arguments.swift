import HTTP
import Protocol
import Scheduling

extension Call {
  /// The run's number as the path has it: digits only, no needless 0, no sign; whatever else there is, is the
  /// number of no run.
  func runID(_ at: Int = 0) throws(Problem) -> RunID {
    guard let number = Self.number(values[at]) else { throw .noRun(values[at]) }
    return RunID(number)
  }

  /// A number from the query; nil where it is not there.
  func count(_ name: String, _ allowed: ClosedRange<Int64>) throws(Problem) -> Int64? {
    guard let text = request.query(name) else { return nil }
    guard let number = Self.number(text), allowed.contains(number) else {
      throw Problem(
        400,
        "\(name)=\(text): a whole number from \(allowed.lowerBound) to \(allowed.upperBound) should stand here"
      )
    }
    return number
  }

  /// `?name=1`, `?name=true` or just `?name`; not there or 0 or false: no.
  func flag(_ name: String) throws(Problem) -> Bool {
    switch request.query(name) {
    case nil, "0", "false": return false
    case "", "1", "true": return true
    case let other?: throw Problem(400, "\(name)=\(other): 1 or 0 should stand here")
    }
  }

  /// One of the words; nil where it is not there.
  func word<Word: RawRepresentable<String> & CaseIterable>(
    _ name: String, as: Word.Type = Word.self
  ) throws(Problem) -> Word? {
    guard let text = request.query(name) else { return nil }
    guard let word = Word(rawValue: text) else {
      let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
      throw Problem(400, "\(name)=\(text) is not known; known are \(known)")
    }
    return word
  }

  /// `?state=QUEUED`, also several times or with commas; empty where nothing is asked for.
  func taskStates() throws(Problem) -> [TaskState] {
    var states: [TaskState] = []
    for item in request.query where item.name == "state" {
      for name in item.value.split(separator: ",", omittingEmptySubsequences: false) {
        guard let state = TaskState(name: name) else {
          throw .unknownState(String(name), TaskState.allCases.map(\.name))
        }
        states.append(state)
      }
    }
    return states
  }

  static func number(_ text: String) -> Int64? {
    let digits = text.utf8
    guard !digits.isEmpty, digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else {
      return nil
    }
    if digits.count > 1, digits.first == UInt8(ascii: "0") { return nil }
    return Int64(text)
  }
}

extension Problem {
  static func noRun(_ name: some CustomStringConvertible) -> Problem {
    Problem(404, "there is no run \(name); GET /v1/dagruns?all=1 lists the known ones")
  }

  static func unknownState(_ name: String, _ known: [String]) -> Problem {
    Problem(400, "there is no state \(name); known are \(known.joined(separator: ", "))")
  }

  init(_ refusal: Refusal) {
    let status =
      switch refusal.kind {
      case .notFound: 404
      case .conflict: 409
      case .unavailable: 503
      case .diskFull: 507
      }
    self.init(status, refusal.message)
  }
}

extension Response {
  /// 200 with a JSON value.
  static func json(capacity: Int = 256, _ write: (inout JSONWriter) -> Void) -> Response {
    var writer = JSONWriter(capacity: capacity)
    write(&writer)
    return Response(status: 200, headers: [jsonType], body: .bytes(writer.take()))
  }

  static let jsonType = (name: "Content-Type", value: "application/json")
}
