import Protocol

/// Messages of every case with random contents.
extension SeededRandom {
  mutating func fence() -> Fence { Fence(Int64.random(in: 0 ... .max, using: &self) >> Int64(below(63))) }
  mutating func time() -> WallTime { WallTime(nanoseconds: Int64.random(in: .min ... .max, using: &self)) }
  mutating func count() -> Int64 { Int64.random(in: 0 ... .max, using: &self) >> Int64(below(63)) }
  mutating func int32(_ least: Int32 = 0) -> Int32 {
    chance(4) ? element(of: [least, Int32.max]) : Int32.random(in: least ... .max, using: &self)
  }
  mutating func text() -> String { JSONTree.text(&self) }

  /// Text, half of a character, or any bytes.
  mutating func output() -> [UInt8] {
    switch below(4) {
    case 0: (0..<below(300)).map { _ in UInt8.random(in: 0...255, using: &self) }
    case 1: Array(Array(text().utf8).dropFirst(below(4)))
    case 2: Array(repeating: UInt8(below(40)), count: below(300))
    default: Array(text().utf8)
    }
  }

  mutating func result() -> AttemptResult {
    var result = AttemptResult(
      kind: element(of: AttemptResult.Kind.allCases), rc: int32(.min), start: time(), stop: time())
    if chance(2) { result.words = text() }
    if chance(2) { result.cpuMicroseconds = count() }
    if chance(2) { result.peakMemoryKB = count() }
    if chance(2) { result.stdoutBytes = count() }
    if chance(2) { result.stderrBytes = count() }
    if chance(2) { result.stopped = element(of: AttemptResult.Stop.allCases) }
    return result
  }

  mutating func amounts() -> ResourceVector {
    ResourceVector(
      milliCores: Int64.random(in: 0...ResourceVector.most, using: &self),
      memoryMB: Int64.random(in: 0...ResourceVector.most, using: &self))
  }

  mutating func job() -> Job {
    Job(
      command: (0...below(4)).map { _ in text() + (chance(8) ? String(repeating: "\n", count: 90) : "") },
      environment: (0..<below(4)).map { _ in "A=" + text() }, workingDirectory: chance(2) ? text() : nil,
      needs: amounts(), isMemoryStated: chance(2), timeoutSeconds: chance(2) ? int32() : 0,
      killGraceSeconds: chance(2) ? int32() : nil, world: chance(2) ? world() : nil)
  }

  mutating func world() -> Job.World? {
    Job.World(
      stdin: element(of: [nil, .text(text()), .file(text())]),
      umask: chance(2) ? FileMask(octal: String(below(0o1000), radix: 8).utf8) : nil,
      openFiles: chance(2) ? int32(1) : nil, isPinned: chance(2))
  }

  mutating func toAgent() -> ToAgent {
    switch below(8) {
    case 0:
      .welcome(
        .init(
          version: Int(int32()), epoch: Epoch(count()), heartbeatMilliseconds: count() / 1_000_000,
          leaseMilliseconds: count() / 1_000_000))
    case 1:
      .refused(code: element(of: ToAgent.RefusalCode.allCases), message: text(), retryable: chance(2))
    case 2:
      .start(
        .init(
          fence: fence(), run: RunID(count()), task: text(), number: AttemptNumber(int32(1)), job: job(),
          lease: TaskLease(seconds: element(of: [0, 10, 604_800, -1])) ?? .standard))
    case 3: .revoke(fence())
    case 4: .kill(fence(), graceSeconds: chance(2) ? nil : int32(), reason: text())
    case 5: .endsAcknowledged((0..<below(20)).map { _ in fence() })
    case 6: .outputAcknowledged(fence(), element(of: OutputStream.allCases), offset: count())
    default: .heartbeatAcknowledged(count())
    }
  }

  mutating func toCoordinator() -> ToCoordinator {
    switch below(10) {
    case 0:
      .hello(
        .init(
          minVersion: Int(int32()), maxVersion: Int(int32()), token: text(), name: text(),
          incarnation: Incarnation(directoryID: text(), bootID: text(), startNumber: count()),
          capacity: amounts(),
          labels: Dictionary((0..<below(5)).map { _ in (text(), text()) }, uniquingKeysWith: { a, _ in a }),
          software: text(), pid: int32(1)))
    case 1:
      .attempts(
        (0..<below(6)).map { _ in
          switch below(4) {
          case 0: .init(fence: fence(), phase: .waiting)
          case 1: .init(fence: fence(), phase: .ending(result()))
          case 2: .init(fence: fence(), phase: .running(since: time()))
          default: .init(fence: fence(), phase: .ended(result()))
          }
        }, isLast: chance(2))
    case 2: .started(fence(), at: time())
    case 3: .ended(fence(), result())
    case 4: .revoked(fence())
    case 5: .handedBack(fence(), chance(2) ? nil : result())
    case 6: .output(fence(), element(of: OutputStream.allCases), offset: count() >> 1, output())
    case 7: .heartbeat(count())
    case 8: .unfit(reason: text())
    default: .goodbye(reason: text())
    }
  }
}
