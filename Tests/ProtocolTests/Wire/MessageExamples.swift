import Protocol

/// One or more messages of every case, each with the name of the golden file that pins its bytes.
enum MessageExamples {
  private static let fence = Fence(epoch: Epoch(3), counter: 17)
  private static let start = WallTime(nanoseconds: 1_790_000_000_123_456_789)
  private static let stop = WallTime(nanoseconds: 1_790_000_002_000_000_001)
  private static let plainResult = AttemptResult(rc: 0, start: start, stop: stop)
  private static let fullResult = AttemptResult(
    kind: .memoryLimit, rc: 137, start: start, stop: stop,
    words: "memory limit exceeded: 512 MB\nsignal 9 sent to the group",
    cpuMicroseconds: 1_500_000, peakMemoryKB: 524_288, stdoutBytes: 70_000_000_000, stderrBytes: 12)

  static let toAgent: [(file: String, message: ToAgent)] = [
    (
      "welcome",
      .welcome(.init(version: 1, epoch: Epoch(3), heartbeatMilliseconds: 5000, leaseMilliseconds: 300_000))
    ),
    ("refused", .refused(code: .nameInUse, message: "an agent \"node7\" is connected", retryable: true)),
    (
      "start",
      .start(
        .init(
          fence: fence, run: RunID(0), task: "simple_1", number: AttemptNumber(1),
          job: Job(command: ["/bin/true"])))
    ),
    (
      "start-full",
      .start(
        .init(
          fence: fence, run: RunID(12), task: "align_3", number: AttemptNumber(4),
          job: Job(
            command: ["/bin/sh", "-c", "echo \"é\" >out\n"], environment: ["LANG=C.UTF-8", "EMPTY="],
            workingDirectory: "/data/my runs", needs: ResourceVector(milliCores: 500, memoryMB: 2048),
            isMemoryStated: true, timeoutSeconds: 3600, killGraceSeconds: 0)))
    ),
    (
      "start-world",
      .start(
        .init(
          fence: fence, run: RunID(12), task: "t", number: AttemptNumber(1),
          job: Job(
            command: ["/bin/cat"],
            world: Job.World(
              stdin: .text("one line\n"), umask: FileMask(octal: "027".utf8), openFiles: 4096, isPinned: true)
          )))
    ),
    (
      "start-stdin-file",
      .start(
        .init(
          fence: fence, run: RunID(12), task: "t", number: AttemptNumber(1),
          job: Job(command: ["/bin/cat"], world: Job.World(stdin: .file("in/part 7.txt")))))
    ),
    (
      "start-escapes",
      .start(
        .init(
          fence: fence, run: RunID(12), task: "t", number: AttemptNumber(1),
          job: Job(command: ["printf", String(repeating: "\u{1}", count: 30)])))
    ),
    (
      "start-lease",
      .start(
        .init(
          fence: fence, run: RunID(12), task: "t", number: AttemptNumber(1), job: Job(command: ["/bin/true"]),
          lease: .endless))
    ),
    ("revoke", .revoke(fence)),
    ("kill", .kill(fence, graceSeconds: nil, reason: "killed by a person")),
    ("kill-grace", .kill(fence, graceSeconds: 0, reason: "")),
    ("endsAcknowledged", .endsAcknowledged([fence, Fence(epoch: Epoch(3), counter: 18)])),
    ("outputAcknowledged", .outputAcknowledged(fence, .stderr, offset: 65536)),
    ("heartbeatAcknowledged", .heartbeatAcknowledged(41)),
  ]

  static let toCoordinator: [(file: String, message: ToCoordinator)] = [
    (
      "hello",
      .hello(
        .init(
          minVersion: 1, maxVersion: 1, token: "0123456789abcdef", name: "node7",
          incarnation: Incarnation(
            directoryID: "9f1c0c64a0b74d4f", bootID: "6f3b5dd8-1b36-4ac1-9d5e-a2a7a1f6f0aa", startNumber: 2),
          capacity: ResourceVector(milliCores: 1500, memoryMB: 64000),
          labels: ["zone": "b", "arch": "x86_64", "gpu": ""], software: "0.1.0", pid: 4711))
    ),
    (
      "attempts",
      .attempts(
        [
          .init(fence: Fence(1), phase: .waiting), .init(fence: Fence(2), phase: .running(since: start)),
          .init(fence: Fence(3), phase: .ended(plainResult)),
        ], isLast: false)
    ),
    ("attempts-ending", .attempts([.init(fence: Fence(4), phase: .ending(plainResult))], isLast: true)),
    ("attempts-none", .attempts([], isLast: true)),
    ("started", .started(fence, at: start)),
    ("ended", .ended(fence, plainResult)),
    ("ended-full", .ended(fence, fullResult)),
    ("revoked", .revoked(fence)),
    ("handedBack", .handedBack(fence, nil)),
    ("handedBack-result", .handedBack(fence, fullResult)),
    (
      "handedBack-stopped",
      .handedBack(
        fence,
        AttemptResult(
          rc: 143, start: start, stop: stop, words: "ended because the agent stops", stopped: .agentStops))
    ),
    ("output", .output(fence, .stdout, offset: 0, Array("hello, \"wörld\"\n".utf8))),
    ("output-bytes", .output(fence, .stderr, offset: 1 << 40, [0xFF, 0x00, 0x41, 0xC3])),
    ("heartbeat", .heartbeat(41)),
    ("unfit", .unfit(reason: "attempt 7 does not die (processes 4711)")),
    ("goodbye", .goodbye(reason: "the agent was asked to stop")),
  ]
}
