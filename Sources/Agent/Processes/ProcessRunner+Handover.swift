import CSystem
import Protocol
import System

// Processes that run, for the same agent's next program: it is the same process, so they stay its children, and their
// pipes stay open.
extension ProcessRunner {
  var isStuck: Bool { !stuck.isEmpty }

  /// Whether something that ended is not all gone, or has not executed its program: that is waited for first, as no other
  /// program would know why.
  var isSettling: Bool {
    settleBirths()
    return !lingering.isEmpty || !births.isEmpty || byFence.values.contains { $0.birth?.failure != nil }
  }

  /// What `isSettling` waits for, for people.
  var unsettledWords: String {
    births.isEmpty
      ? "all of attempt \(lingering.map { "\($0.fence)" }.joined(separator: ", ")) has ended"
      : "all programs that were started have begun (\(births.count) have not: is their file system there?)"
  }

  func handOver(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("groups", groups?.count ?? 0)
      writer.member("score", spawner.score.own)
      writer.member("processes") { writer in
        writer.array { writer in
          for fence in byFence.keys.sorted() { byFence[fence]!.handOver(to: &writer) }
        }
      }
    }
  }

  /// Descriptors that the next program needs.
  var descriptors: [Int32] { byFence.values.flatMap(\.descriptors).sorted() }

  func takeOver(_ reader: inout JSONReader) throws(JSONFault) {
    var processes: [RunningProcess.HandedOver] = []
    try reader.object { (reader, name) throws(JSONFault) in
      switch reader.string(name) {
      case "groups": groups?.takeOver(count: Int(try reader.integer()))
      case "score": spawner.score.takeOver(own: Int(try reader.integer()))
      case "processes":
        try reader.array { (reader, _) throws(JSONFault) in
          processes.append(try RunningProcess.HandedOver(reading: &reader))
        }
      default: try reader.skip()
      }
    }
    for process in processes { takeOver(process) }
  }

  private func takeOver(_ left: RunningProcess.HandedOver) {
    // They were to stay open once; whoever is started from now on is not to get them.
    for fd in [left.stdout, left.stderr] where fd >= 0 { caravan_set_inherited(fd, 0) }
    let group = left.group.flatMap { groups?.takeOver(number: $0, limitMB: left.limitMB, kills: left.kills) }
    do throws(SystemError) {
      let process = RunningProcess(
        left.fence, .init(pid: left.pid, stdout: left.stdout, stderr: left.stderr, start: .none), in: group,
        on: loop, printed: printed)
      process.seenPeakKB = left.seenPeakKB
      process.remark = left.remark
      process.cpus = left.cpus
      pins.remove(left.cpus)
      try add(process, limitMB: left.limitMB)
    } catch {
      Say.line("attempt \(left.fence) is watched no more: \(error.message)")
    }
  }
}

extension RunningProcess {
  struct HandedOver {
    var fence = Fence(0)
    var pid: Int32 = 0
    var stdout: Int32 = -1
    var stderr: Int32 = -1
    var group: Int?
    var kills: Int64 = 0
    var limitMB: Int64?
    var seenPeakKB: Int64 = 0
    var cpus: [Int] = []
    var remark = ""

    init(reading reader: inout JSONReader) throws(JSONFault) {
      try reader.object { (reader, name) throws(JSONFault) in
        switch reader.string(name) {
        case "fence": fence = Fence(try reader.integer())
        case "pid": pid = Int32(clamping: try reader.integer())
        case "stdout": stdout = Int32(clamping: try reader.integer())
        case "stderr": stderr = Int32(clamping: try reader.integer())
        case "group": group = Int(try reader.integer())
        case "kills": kills = try reader.integer()
        case "limitMB": limitMB = try reader.integer()
        case "seenPeakKB": seenPeakKB = try reader.integer()
        case "cpus":
          try reader.array { (reader, _) throws(JSONFault) in cpus.append(Int(try reader.integer())) }
        case "remark": remark = try reader.string()
        default: try reader.skip()
        }
      }
    }
  }

  fileprivate func handOver(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("fence", fence.value)
      writer.member("pid", pid)
      writer.member("stdout", stdout)
      writer.member("stderr", stderr)
      if let group { writer.member("group", group.number) }
      if let kills = group?.memory?.killsBefore { writer.member("kills", kills) }
      if let limitMB { writer.member("limitMB", limitMB) }
      writer.member("seenPeakKB", seenPeakKB)
      if !cpus.isEmpty {
        writer.member("cpus") { writer in writer.array { for cpu in cpus { $0.integer(cpu) } } }
      }
      if !remark.isEmpty { writer.member("remark", remark) }
    }
  }

  fileprivate var descriptors: [Int32] { [stdout, stderr].filter { $0 >= 0 } }
}
