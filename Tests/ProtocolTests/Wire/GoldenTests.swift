import Foundation
import Testing

@testable import Protocol

/// The bytes of every message of version 1. A change that fails here breaks agents and coordinators that are
/// out there: it needs a new version of the protocol, not a new golden file.
@Suite struct GoldenTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Golden/v1")

  private func check<Message: WireMessage & Equatable>(
    _ message: Message, _ file: String, in folder: String
  ) throws {
    let url = Self.folder.appendingPathComponent("\(folder)/\(file).json")
    let golden = [UInt8](try Data(contentsOf: url))
    var writer = JSONWriter()
    message.write(to: &writer)
    #expect(
      String(decoding: writer.take() + Array("\n".utf8), as: UTF8.self)
        == String(decoding: golden, as: UTF8.self))
    #expect(try FramePayload.messages(golden, as: Message.self) == [message])
  }

  @Test(arguments: MessageExamples.toAgent.indices) func `what the coordinator says`(index: Int) throws {
    let example = MessageExamples.toAgent[index]
    try check(example.message, example.file, in: "to-agent")
  }

  @Test(arguments: MessageExamples.toCoordinator.indices) func `what an agent says`(index: Int) throws {
    let example = MessageExamples.toCoordinator[index]
    try check(example.message, example.file, in: "to-coordinator")
  }

  @Test func `every case has a golden file and every golden file has its message`() throws {
    #expect(Set(MessageExamples.toAgent.map(\.message.typeName)) == Set(ToAgent.TypeName.allCases))
    #expect(
      Set(MessageExamples.toCoordinator.map(\.message.typeName)) == Set(ToCoordinator.TypeName.allCases))
    func files(_ folder: String) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: Self.folder.appendingPathComponent(folder).path)
        .sorted()
    }
    #expect(try files("to-agent") == MessageExamples.toAgent.map { $0.file + ".json" }.sorted())
    #expect(try files("to-coordinator") == MessageExamples.toCoordinator.map { $0.file + ".json" }.sorted())
  }
}
