import Glibc

// One loop, so many times over, and nothing else: Benchmarks/instructions counts what that costs. The same words give the
// same work each time: no clock, no dice, no threads.

let loops: [(name: String, item: String, run: (Int) -> Int)] = [
  ("scheduler", "task of one family, from ready to ended", SchedulerLoop.family),
  ("crowd", "task of one family, with 200 agents", SchedulerLoop.crowd),
  ("layers", "task of all-to-all layers, from ready to ended", SchedulerLoop.layers),
  ("tracker", "attempt, from its start to its acknowledgement", TrackerLoop.attempts),
  ("starts", "task's name and job, made from a document's text", DocumentLoops.starts),
  ("document", "document of \(DocumentLoops.taskCount) named tasks, read and checked", DocumentLoops.checks),
  ("encode", "task's four messages put into frames", MessageLoops.encode),
  ("decode", "task's four messages read from frames", MessageLoops.decode),
  ("encode-output", "message with 8 KB of output", MessageLoops.encodeOutput),
  ("decode-output", "message with 8 KB of output", MessageLoops.decodeOutput),
]

let words = CommandLine.arguments
guard words.count == 3, let loop = loops.first(where: { $0.name == words[1] }), let count = Int(words[2]),
  count > 0
else {
  print("usage: caravan-bench-heart LOOP COUNT")
  print("Runs a loop for so many items, and says what came of it. An item is one:")
  for loop in loops { print("  \(loop.name): \(loop.item)") }
  exit(words.dropFirst() == ["--help"] ? 0 : 64)
}
// Said, so that no work is left out as useless.
print(loop.run(count))
