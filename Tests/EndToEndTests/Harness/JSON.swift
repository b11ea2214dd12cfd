import Foundation

/// A JSON document as tests look at it, read by Foundation: not by the reader that is under test.
struct JSON: @unchecked Sendable, CustomStringConvertible {
  // What JSONSerialization gives is immutable.
  let any: Any

  init(any: Any) { self.any = any }

  init(_ bytes: [UInt8]) throws {
    any = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
  }

  /// A member, or null where there is none.
  subscript(_ name: String) -> JSON { JSON(any: (any as? [String: Any])?[name] ?? NSNull()) }
  subscript(_ index: Int) -> JSON {
    guard let list = any as? [Any], list.indices.contains(index) else { return JSON(any: NSNull()) }
    return JSON(any: list[index])
  }
  var string: String? { any as? String }
  var int: Int? { any as? Int }
  var double: Double? { any as? Double }
  var bool: Bool? { any as? Bool }
  var list: [JSON] { (any as? [Any])?.map { JSON(any: $0) } ?? [] }
  var strings: [String] { list.compactMap(\.string) }
  /// Sorted.
  var names: [String] { (any as? [String: Any])?.keys.sorted() ?? [] }
  var isNull: Bool { any is NSNull }
  /// Nanoseconds in a string.
  var time: Int64? { string.flatMap { Int64($0) } }
  /// Each member's value as a string, of those that are strings.
  var stringMembers: [String: String] { (any as? [String: Any])?.compactMapValues { $0 as? String } ?? [:] }

  var description: String {
    guard
      let data = try? JSONSerialization.data(withJSONObject: any, options: [.fragmentsAllowed, .sortedKeys])
    else { return "\(any)" }
    return String(decoding: data, as: UTF8.self)
  }
}

/// The text of a document made of dictionaries and lists.
func text(_ document: Any) -> [UInt8] {
  // swift-format-ignore: NeverUseForceTry
  [UInt8](try! JSONSerialization.data(withJSONObject: document, options: [.fragmentsAllowed, .sortedKeys]))
}

/// A task that runs `script`, on a tenth of a core so that many fit, unless `job` says otherwise.
func shell(_ script: String, _ more: [String: Any] = [:], job: [String: Any] = [:]) -> [String: Any] {
  command(["/bin/sh", "-c", script], more, job: job)
}

func command(_ words: [String], _ more: [String: Any] = [:], job: [String: Any] = [:]) -> [String: Any] {
  let plain: [String: Any] = ["command": words, "cores": 0.1, "memoryMB": 32]
  return ["job": plain.merging(job) { _, new in new }].merging(more) { _, new in new }
}
