import Protocol
import Scheduling
import System

// A generator's output, expanded by a worker, joins its run.
extension Engine {
  func expanded(_ answer: Expansion.Answer, at now: Instant) {
    let key = answer.question.key
    let fence = answer.question.fence
    // Killed meanwhile: its output is dropped.
    guard scheduler.isExpanding(key, fence), let info = runs[key.run] else { return }
    switch answer.outcome {
    case .refused(let words):
      scheduler.handle(.generatorExpanded(key.run, key.task, fence, .refused(words)), at: now)
    case .plan(let plan):
      if info.layout.parts.count != answer.question.layout.parts.count {
        // Another generator's tasks joined while this output was expanded: names and limits are checked anew.
        ask(Expansion.Question(key: key, fence: fence, layout: info.layout))
        return
      }
      join(plan, to: key, fence, at: now)
    }
  }

  private func join(_ plan: RunPlan, to key: TaskKey, _ fence: Fence, at now: Instant) {
    Failpoint.generatorJoinBefore.pass()
    let former = formerTasks(of: key.run)
    let addition = runs[key.run]!.layout.add(plan, by: key.task)
    let layout = runs[key.run]!.layout
    layouts.put(layout, for: key.run)
    var moved: [(from: TaskIndex, to: TaskIndex)] = []
    if !former.isEmpty {
      for task in layout.parts.last!.tasks {
        let to = TaskIndex(task)
        if let from = former[layout.taskName(to)] { moved.append((from, to)) }
      }
    }
    batch.commit.partsAdded.append(
      PartAdded(
        run: key.run, part: Int32(layout.parts.count - 1), generator: key.task, document: plan.document,
        moved: moved))
    scheduler.handle(
      .generatorExpanded(
        key.run, key.task, fence,
        .added(
          firstFamily: addition.firstFamily, firstTask: addition.firstTask, addition.graph, moved: moved)),
      at: now)
    Failpoint.generatorJoinAfter.pass()
  }

  /// Dropped tasks that have attempts, by name: where a name comes again its attempts' numbers go on.
  private func formerTasks(of run: RunID) -> [String: TaskIndex] {
    let layout = runs[run]!.layout
    var former: [String: TaskIndex] = [:]
    for part in layout.parts where part.isDropped {
      for task in part.tasks where scheduler.hasAttempts(TaskKey(run, TaskIndex(task))) {
        former[layout.taskName(TaskIndex(task))] = TaskIndex(task)
      }
    }
    return former
  }
}
