import Protocol
import SQLite
import System
import Testing

@testable import Coordinator

@Suite struct AttemptLogsTests {
  private let folder = TemporaryDirectory()

  private func open(_ folder: TemporaryDirectory, queuedBytes: Int = AttemptLogs.queuedBytes) throws
    -> AttemptLogs
  {
    try AttemptLogs(DataDirectory(folder.path), software: "test 1", queuedBytes: queuedBytes) {
      Issue.record("writing failed: \($0)")
    }
  }

  private func out(_ fence: Int64, _ offset: Int64, _ text: String) -> OutputPiece {
    OutputPiece(LogStream(Fence(fence), .stdout), offset: offset, Array(text.utf8))
  }

  private func text(_ logs: AttemptLogs, _ fence: Int64, _ stream: OutputStream = .stdout) throws -> String {
    String(decoding: try logs.reader.read(Fence(fence), stream, from: 0, limit: 1 << 30), as: UTF8.self)
  }

  private func store(_ logs: AttemptLogs, _ pieces: [OutputPiece]) async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      _ = logs.append(pieces) { continuation.resume() }
    }
  }

  @Test func `streams are kept whole, in order and apart`() async throws {
    let logs = try open(folder)
    await store(logs, [out(1, 0, "one "), out(2, 0, "other"), out(1, 4, "two ")])
    await store(
      logs, [OutputPiece(LogStream(Fence(1), .stderr), offset: 0, [0xff, 0, 10]), out(1, 8, "three")])
    #expect(try text(logs, 1) == "one two three")
    #expect(try text(logs, 2) == "other")
    #expect(try logs.reader.read(Fence(1), .stderr, from: 0, limit: 10) == [0xff, 0, 10])
    #expect(try logs.reader.size(Fence(1), .stdout) == 13)
    #expect(try logs.reader.size(Fence(3), .stdout) == 0)
    #expect(try text(logs, 3) == "")
    logs.close()
  }

  @Test func `what is sent again is dropped, also in part and after a restart`() async throws {
    do {
      let logs = try open(folder)
      await store(logs, [out(1, 0, "abcdef"), out(1, 0, "abcdef"), out(1, 3, "defghi")])
      await store(logs, [out(1, 6, "ghi"), out(1, 0, "abc"), out(1, 8, "ij")])
      #expect(try text(logs, 1) == "abcdefghij")
      logs.close()
    }
    let logs = try open(folder)
    await store(logs, [out(1, 0, "abcdefghij"), out(1, 5, "fghijkl")])
    #expect(try text(logs, 1) == "abcdefghijkl")
    #expect(try logs.reader.end(Fence(1), .stdout) == LogEnd(kept: 12, printed: 12, cuts: 0))
    logs.close()
  }

  @Test func `a gap is a cut: it is marked, and offsets go on counting what was printed`() async throws {
    let first = String(decoding: LogWriter.mark(cut: 1000), as: UTF8.self)
    let second = String(decoding: LogWriter.mark(cut: 7), as: UTF8.self)
    #expect(first.contains("1000 bytes"))
    do {
      let logs = try open(folder)
      await store(logs, [out(1, 0, "head"), out(1, 1004, "tail")])
      logs.close()
    }
    let logs = try open(folder)
    // Sent again after the restart, then further.
    await store(logs, [out(1, 1004, "tail+"), out(1, 1016, "end")])
    let whole = "head\(first)tail+\(second)end"
    #expect(try text(logs, 1) == whole)
    #expect(
      try logs.reader.end(Fence(1), .stdout) == LogEnd(kept: Int64(whole.utf8.count), printed: 1019, cuts: 2))
    #expect(try logs.reader.whole(Fence(1), .stdout, limit: 5000) == .cut)
    #expect(try logs.reader.whole(Fence(1), .stdout, limit: 1018) == .tooLong(1019))
    logs.close()
  }

  @Test func `no bytes at an offset mark a cut at the end, once`() async throws {
    let logs = try open(folder)
    await store(logs, [out(1, 0, "head")])
    await store(logs, [out(1, 9, "")])
    await store(logs, [out(1, 9, "")])
    let mark = String(decoding: LogWriter.mark(cut: 5), as: UTF8.self)
    #expect(try text(logs, 1) == "head\(mark)")
    #expect(try logs.reader.whole(Fence(1), .stdout, limit: 100) == .cut)
    logs.close()
  }

  @Test func `any slice of a long stream is the slice of what was printed`() async throws {
    let logs = try open(folder)
    var random = SystemRandomNumberGenerator()
    var printed: [UInt8] = []
    while printed.count < 700_000 {
      var batch: [OutputPiece] = []
      for _ in 0..<20 {
        let size =
          Int.random(in: 0..<10, using: &random) == 0 ? Int.random(in: 1...200_000) : Int.random(in: 1...300)
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: ($0 + printed.count) &* 37 >> 3) }
        batch.append(OutputPiece(LogStream(Fence(9), .stdout), offset: Int64(printed.count), bytes))
        printed += bytes
      }
      await store(logs, batch)
    }
    #expect(try logs.reader.whole(Fence(9), .stdout, limit: printed.count) == .bytes(printed))
    for _ in 0..<40 {
      let from = Int.random(in: 0...printed.count)
      let limit = Int.random(in: 0...150_000)
      let found = try logs.reader.read(Fence(9), .stdout, from: Int64(from), limit: limit)
      #expect(found == Array(printed[from...].prefix(limit)), "\(limit) bytes from \(from)")
    }
    #expect(try logs.reader.read(Fence(9), .stdout, from: Int64(printed.count) + 5, limit: 10) == [])
    logs.close()
  }

  @Test func `many lines of a batch become few rows`() async throws {
    let logs = try open(folder)
    await store(logs, (0..<5000).map { out(1, Int64($0) * 20, "a line of twenty by\n") })
    let database = try Connection.reading(folder.file("logs.db"))
    let rows = try database.prepare("SELECT count(*) FROM chunk").first {
      row throws(SQLiteFault) in try row.integer(0, as: Int.self)
    }
    #expect(rows == 2)
    logs.close()
  }

  @Test func `what was told to be stored survives a crash at that moment`() async throws {
    let logs = try open(folder)
    for number in 0..<40 {
      let folder = self.folder
      let copy: TemporaryDirectory = await withCheckedContinuation { continuation in
        logs.append([out(1, Int64(number) * 3, "abc"), out(Int64(number) + 2, 0, "x")]) {
          continuation.resume(returning: try! folder.crashCopy())
        }
      }
      let again = try open(copy)
      #expect(try text(again, 1) == String(repeating: "abc", count: number + 1))
      #expect(try text(again, Int64(number) + 2) == "x")
      again.close()
    }
    logs.close()
  }

  @Test func `callers are told in order, each after its bytes can be read`() async throws {
    let logs = try open(folder)
    let told = Monitor([Int]())
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      for number in 0..<2000 {
        logs.append([out(Int64(number) + 1, 0, "\(number)")]) {
          let text = try? text(logs, Int64(number) + 1)
          #expect(text == "\(number)")
          told.with { $0.append(number) }
          if number == 1999 { continuation.resume() }
        }
      }
    }
    #expect(told.with { $0 } == Array(0..<2000))
    logs.close()
  }

  @Test func `a full queue says so, still takes what it is given, and calls when there is room`() async throws
  {
    let logs = try open(folder, queuedBytes: 1000)
    // The writing thread stands still in the first call until it is let go.
    let gate = Monitor(false)
    await withCheckedContinuation { (standing: CheckedContinuation<Void, Never>) in
      logs.append([out(1, 0, "a")]) {
        standing.resume()
        gate.wait(until: { $0 }, { _ in })
      }
    }
    #expect(logs.append([out(2, 0, String(repeating: "b", count: 900))]) {} == .room)
    #expect(logs.append([out(3, 0, String(repeating: "c", count: 900))]) {} == .full)
    let calls = Monitor(0)
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      logs.whenRoom {
        calls.with { $0 += 1 }
        continuation.resume()
      }
      #expect(calls.with { $0 } == 0)
      gate.signal { $0 = true }
    }
    #expect(try text(logs, 3).utf8.count == 900)
    logs.whenRoom { calls.with { $0 += 1 } }
    #expect(calls.with { $0 } == 2, "at once, where there is room")
    logs.close()
  }

  @Test func `closing writes all that was handed over`() throws {
    let logs = try open(folder)
    for number in 1...500 { logs.append([out(Int64(number), 0, "n\(number)")]) {} }
    logs.close()
    for number in [1, 250, 500] { #expect(try text(logs, Int64(number)) == "n\(number)") }
    logs.close()
  }

  @Test func `deleted attempts leave nothing, others all`() async throws {
    let logs = try open(folder)
    await store(logs, [out(1, 0, "a"), out(2, 0, "b"), out(3, 0, "c")])
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      logs.append([out(1, 1, "more"), out(2, 1, "more")]) {}
      logs.delete([Fence(1), Fence(3)]) { continuation.resume() }
    }
    #expect(try text(logs, 1) == "" && text(logs, 2) == "bmore" && text(logs, 3) == "")
    await store(logs, [out(1, 0, "new")])
    #expect(try text(logs, 1) == "new")
    logs.close()
  }

  @Test func `followers are called for their stream, for the end, and not after cancelling`() async throws {
    let logs = try open(folder)
    let calls = Monitor([String]())
    let first = logs.followers.subscribe(LogStream(Fence(1), .stdout)) { calls.with { $0.append("first") } }
    let second = logs.followers.subscribe(LogStream(Fence(2), .stdout)) { calls.with { $0.append("second") } }
    // Each empty append comes after the followers of the one before were called.
    await store(logs, [out(1, 0, "a")])
    await store(logs, [])
    #expect(calls.with { $0 } == ["first"])
    await store(logs, [out(1, 0, "a")])
    await store(logs, [])
    #expect(calls.with { $0 } == ["first"], "nothing was new")
    logs.followers.attemptEnded(Fence(2))
    #expect(calls.with { $0 } == ["first", "second"])
    first.cancel()
    second.cancel()
    await store(logs, [out(1, 1, "b"), out(2, 0, "c")])
    await store(logs, [])
    #expect(calls.with { $0 } == ["first", "second"])
    logs.close()
  }

  @Test func `a write that fails is told once, and nothing is called stored any more`() async throws {
    let faults = Monitor([StoreFault]())
    let logs = try AttemptLogs(DataDirectory(folder.path), software: "test 1") { fault in
      faults.signal { $0.append(fault) }
    }
    await store(logs, [out(1, 0, "kept")])
    // Somebody's hands in the file, so that the next write is refused.
    try Connection(path: folder.file("logs.db"), .readWrite).execute(
      "CREATE TRIGGER refuse BEFORE INSERT ON chunk BEGIN SELECT raise(ABORT, 'refused here'); END")
    let isStored = Monitor(false)
    logs.append([out(1, 4, "lost")]) { isStored.with { $0 = true } }
    let fault = faults.wait(upTo: .seconds(60), until: { !$0.isEmpty }, { $0.first })
    #expect(fault?.message.contains("refused here") == true)
    logs.append([out(2, 0, "late")]) { isStored.with { $0 = true } }
    logs.close()
    #expect(!isStored.with { $0 })
    #expect(faults.with { $0.count } == 1)
    #expect(try text(logs, 1) == "kept")
  }

  @Test func `readers follow a stream while it is written`() async throws {
    let logs = try open(folder)
    let total = 600_000
    try await withThrowingTaskGroup { group in
      for _ in 0..<3 {
        group.addTask {
          var read: [UInt8] = []
          while read.count < total {
            let bytes = try logs.reader.read(Fence(1), .stdout, from: Int64(read.count), limit: 100_000)
            read += bytes
            await Task.yield()
          }
          #expect(read.indices.allSatisfy { read[$0] == UInt8(truncatingIfNeeded: $0 / 100) })
        }
      }
      group.addTask {
        for start in stride(from: 0, to: total, by: 5_000) {
          let bytes = (start..<start + 5_000).map { UInt8(truncatingIfNeeded: $0 / 100) }
          await store(logs, [OutputPiece(LogStream(Fence(1), .stdout), offset: Int64(start), bytes)])
        }
      }
      try await group.waitForAll()
    }
    logs.close()
  }
}
