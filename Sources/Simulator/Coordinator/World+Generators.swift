import Protocol
import Scheduling

// What generators print, expanded by a worker, joins their runs.
extension World {
  mutating func ask(_ question: CoordinatorHost.Question) {
    coordinator.questions.append(question)
    let time =
      TrueTime.millisecond
      + coordinator.random.below(
        coordinator.random.chance(percent: 80) ? 20 * TrueTime.millisecond : 2 * TrueTime.second)
    agenda.enter(
      .expanded, coordinator.questions.count - 1, at: now + time, generation: coordinator.lifeNumber)
  }

  mutating func takeExpansion(_ question: CoordinatorHost.Question, at time: Instant) {
    let key = question.key
    // Killed meanwhile: its output is dropped.
    guard coordinator.scheduler.isExpanding(key, question.fence) else { return }
    let run = Int(key.run.value)
    let name = coordinator.parts[run].nameOfTask(key.task.value)
    var random = SeededRandom(seed, name, UInt64(question.number.value))
    if random.chance(percent: 15) {
      if isLogging { note("what \(Names.task(key.task.value)) of run \(key.run) printed is refused") }
      return coordinator.scheduler.handle(
        .generatorExpanded(key.run, key.task, question.fence, .refused("it is no DAG")), at: time)
    }
    if coordinator.parts[run].parts.count != question.parts {
      // Another generator's tasks joined meanwhile: it is checked anew.
      var again = question
      again.parts = coordinator.parts[run].parts.count
      return ask(again)
    }
    join(question, name, &random, at: time)
  }

  private mutating func join(
    _ question: CoordinatorHost.Question, _ name: UInt64, _ random: inout SeededRandom, at time: Instant
  ) {
    let key = question.key
    let run = Int(key.run.value)
    let parts = coordinator.parts[run]
    let depth = depth(of: parts.part(ofTask: key.task.value), in: parts)
    // A run grows to this size, and no larger.
    let isLarge = parts.taskCount > Oracle.mostTasks - 40
    var graph = random.graph(
      families: isLarge ? 0 : random.below(4), isCrowded: tempo.isCrowded, firstFamily: parts.familyCount,
      depth: depth + 1)
    let followers = parts.children(of: key.task)
    let source = parts.endpoint(key.task)
    for f in graph.families.indices {
      let new = Endpoint(family: FamilyIndex(parts.familyCount + Int32(f)))
      graph.edges.append(Edge(parent: source, child: new))
      for follower in followers { graph.edges.append(Edge(parent: new, child: follower)) }
    }
    let part = RunPart(
      firstFamily: parts.familyCount, firstTask: parts.taskCount, generator: key.task, graph: graph,
      name: SeededRandom.mix(name))
    let moved = formerTasks(part, of: key.run)
    coordinator.parts[run].parts.append(part)
    mark(.joined(key.run, part: coordinator.parts[run].parts.count - 1, moved: moved))
    if isLogging {
      note("\(part.taskCount) tasks join run \(key.run), made by \(Names.task(key.task.value))")
    }
    coordinator.scheduler.handle(
      .generatorExpanded(
        key.run, key.task, question.fence,
        .added(
          firstFamily: FamilyIndex(part.firstFamily), firstTask: TaskIndex(part.firstTask), graph,
          moved: moved)), at: time)
  }

  private func depth(of part: Int, in parts: RunParts) -> Int {
    guard let generator = parts.parts[part].generator else { return 0 }
    return 1 + depth(of: parts.part(ofTask: generator.value), in: parts)
  }

  /// Dropped tasks that have attempts and whose names come again: their attempts' numbers go on.
  private func formerTasks(_ part: RunPart, of run: RunID) -> [(from: TaskIndex, to: TaskIndex)] {
    let parts = coordinator.parts[Int(run.value)].parts
    guard parts.contains(where: \.isDropped) else { return [] }
    var moved: [(from: TaskIndex, to: TaskIndex)] = []
    for to in part.tasks {
      let name = part.nameOfTask(to)
      var from: Int32?
      for dropped in parts where dropped.isDropped {
        for task in dropped.tasks
        where coordinator.scheduler.hasAttempts(TaskKey(run, TaskIndex(task)))
          && dropped.nameOfTask(task) == name
        {
          from = task
        }
      }
      if let from { moved.append((TaskIndex(from), TaskIndex(to))) }
    }
    return moved
  }
}
