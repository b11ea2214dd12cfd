import Protocol
import Scheduling

/// What a document costs: its check, and each task's name and job, which are made from its text.
enum DocumentLoops {
  static let taskCount = 2000
  private static let samples = 50

  /// Answers with the tasks found.
  static func checks(_ count: Int) -> Int {
    let text = namedTasks()
    var found = 0
    for _ in 0..<count { found += plan(text).taskCount }
    precondition(found == count * taskCount, "not all tasks were found")
    return found
  }

  /// Answers with the bytes of all names and words.
  static func starts(_ count: Int) -> Int {
    let layout = RunLayout(main: plan(family()))
    var bytes = 0
    for number in 0..<count {
      let task = TaskIndex(number % samples)
      let start = ToAgent.Start(
        fence: Fence(Int64(number)), run: RunID(0), task: layout.taskName(task), number: AttemptNumber(1),
        job: layout.job(task), lease: layout.lease(task))
      bytes += start.task.utf8.count
      for word in start.job.command { bytes += word.utf8.count }
    }
    return bytes
  }

  private static func plan(_ text: [UInt8]) -> RunPlan {
    guard case .plan(let plan) = RunPlan.check(text) else {
      preconditionFailure("the document does not hold")
    }
    return plan
  }

  /// Each names the next one and one far behind it.
  private static func namedTasks() -> [UInt8] {
    let tasks = (0..<taskCount).map { number in
      let children = [number + 1, number + taskCount / 2].filter { $0 < taskCount }.map { "\"step-\($0)\"" }
      return """
        "step-\(number)": {"job": {"command": ["align", "--threads", "2", "part-\(number).fq"], "cores": 2, \
        "memoryMB": 400}, "maxRetries": 2, "children": [\(children.joined(separator: ", "))]}
        """
    }
    return Array("{\"tag\": \"bench\", \"tasks\": {\(tasks.joined(separator: ",\n"))}}".utf8)
  }

  private static func family() -> [UInt8] {
    let values = (0..<samples).map { "\"s\($0)\"" }.joined(separator: ", ")
    return Array(
      """
      {"tag": "bench", "parameters": {"SAMPLE": [\(values)], "REFERENCE": "hg38"}, "jobDefaults": {"cores": 2},
       "tasks": {"align": {"job": {"command": ["align", "--to", "{{REFERENCE}}", "{{SAMPLE}}.fq"]}}}}
      """.utf8)
  }
}
