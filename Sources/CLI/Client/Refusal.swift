import Foundation

/// A coordinator's answer that is no success: RFC 9457's members and ours.
struct Refusal: Decodable {
  /// One fault of a DAG document.
  struct Fault: Decodable, Hashable {
    var message: String
    var path: String?
    var line: Int?
    var column: Int?
    var hint: String?
  }
  var status: Int
  var detail: String?
  var errors: [Fault]

  private enum CodingKeys: CodingKey { case detail, errors }

  init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: CodingKeys.self)
    status = 0
    detail = try? members.decode(String.self, forKey: .detail)
    errors = (try? members.decode([Fault].self, forKey: .errors)) ?? []
  }

  init(_ answer: Client.Answer) {
    if let read = try? JSONDecoder().decode(Refusal.self, from: answer.body) {
      self = read
    } else {
      detail = nil
      errors = []
    }
    status = answer.status
  }

  init(status: Int, detail: String?, errors: [Fault] = []) {
    self.status = status
    self.detail = detail
    self.errors = errors
  }

  /// One line: what, and where it is known, how to mend it.
  var fault: CommandFault {
    let what = detail.map { Printable.line($0) } ?? "the coordinator answered \(status)"
    switch status {
    case 401:
      return CommandFault(.refused, "\(what) (401): say --token-file FILE or set CARAVAN_TOKEN_FILE")
    case 503: return CommandFault(.unreachable, "\(what) (503): try again in a moment")
    default: return CommandFault(.refused, "\(what) (\(status))")
    }
  }
}
