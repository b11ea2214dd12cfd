import Foundation
import Testing

@Suite struct `Failpoints` {
  /// What a build with failpoints needs to be told of one: the variable, and the places by their names.
  private static let words = ["CARAVAN_FAILPOINT", "state-commit-after", "spool-append-before", "fork-after"]

  @Test(arguments: [Programs.coordinator, Programs.agent])
  func `are not in a program that is built as usual`(program: String) throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: program), options: .alwaysMapped)
    for word in Self.words {
      #expect(bytes.range(of: Data(word.utf8)) == nil, "\(word) is in \(program)")
    }
    #expect(bytes.range(of: Data("caravan-".utf8)) != nil, "it was read")
  }
}
