import Glibc
import Protocol
import Scheduling
import System

/// What earlier starts of this agent left in its spool.
struct EarlierStarts {
  /// Ends that were not acknowledged, and `lost` for what had no end; in the order of fences.
  private(set) var ends: [(fence: Fence, result: AttemptResult)] = []
  /// Output that was kept of those.
  private(set) var outputs: [AttemptOutput] = []
  private var folder: String
  private var oldFiles: [String] = []

  /// Reads every spool file. What was written under another boot counts for nothing: the coordinator takes
  /// those attempts as lost by the new incarnation, and their output may not have reached the disk.
  init(folder: String, bootID: String) throws(SystemError) {
    self.folder = folder
    var open: [Fence: AttemptResult?] = [:]
    let names = try Files.names(in: folder)
    for name in names where name.hasSuffix(".attempts") || name.hasSuffix(".new") {
      oldFiles.append(folder + "/" + name)
      if name.hasSuffix(".attempts") { Self.read(try Files.read(folder + "/" + name), bootID, into: &open) }
    }
    for fence in open.keys.sorted() {
      let lost = AttemptResult(
        kind: .lost, rc: -1, start: .none, stop: .none, words: "the agent's process died while it ran")
      ends.append((fence, (open[fence] ?? nil) ?? lost))
    }
    restoreOutputs(names)
  }

  /// The files are read and what they say is in the new spool.
  func removeFiles(except path: String) {
    for old in oldFiles where old != path { unlink(old) }
  }

  private static func read(_ bytes: [UInt8], _ bootID: String, into open: inout [Fence: AttemptResult?]) {
    var isCurrent = false
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      switch SpoolLine(line) {
      case .header(let id)?: isCurrent = id == bootID
      case .record(let record)? where isCurrent:
        switch record {
        case .started(let fence): open.updateValue(nil, forKey: fence)
        case .ended(let fence, let result): open.updateValue(result, forKey: fence)
        case .acknowledged(let fence): open.removeValue(forKey: fence)
        }
      case .record?, nil: break
      }
    }
  }

  /// Files are named `FENCE.STREAM.FROM`; those of nobody's end are removed.
  private mutating func restoreOutputs(_ names: [String]) {
    var from: [Fence: (stdout: Int64, stderr: Int64)] = [:]
    var isKept: Set<Fence> = []
    for (fence, result) in ends {
      from[fence] = (result.stdoutBytes, result.stderrBytes)
    }
    for name in names where !name.hasSuffix(".attempts") {
      let parts = name.split(separator: ".")
      guard parts.count == 3, let number = Int64(parts[0]), let offset = Int64(parts[2]),
        from[Fence(number)] != nil
      else {
        unlink(folder + "/" + name)
        continue
      }
      isKept.insert(Fence(number))
      if parts[1] == OutputStream.stdout.name { from[Fence(number)]!.stdout = offset }
      if parts[1] == OutputStream.stderr.name { from[Fence(number)]!.stderr = offset }
    }
    for at in ends.indices where isKept.contains(ends[at].fence) {
      let fence = ends[at].fence
      if ends[at].result.kind == .lost { measure(&ends[at].result, fence, from[fence]!) }
      do throws(SystemError) {
        outputs.append(try AttemptOutput(fence, folder: folder, result: ends[at].result, from: from[fence]!))
      } catch {
        Say.line("output of attempt \(fence) is cut: \(error.message)")
        ends[at].result.tell(lostOutput: error.message)
      }
    }
  }

  /// Nobody counted what a lost attempt printed: what its files hold is what there is.
  private func measure(_ result: inout AttemptResult, _ fence: Fence, _ from: (stdout: Int64, stderr: Int64))
  {
    let end = { (stream: OutputStream, from: Int64) in
      KeptFile.end(of: KeptStream.path(folder, fence, stream, from)) ?? 0
    }
    result.stdoutBytes = end(.stdout, from.stdout)
    result.stderrBytes = end(.stderr, from.stderr)
  }
}
