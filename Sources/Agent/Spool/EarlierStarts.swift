import Glibc
import Protocol
import Scheduling
import System

/// What earlier starts of this agent left in its spool.
struct EarlierStarts {
  /// What was not acknowledged; `lost` is the end of what had none.
  private(set) var attempts: [Fence: SpooledAttempt] = [:]
  /// Output that was kept of those.
  private(set) var outputs: [AttemptOutput] = []
  private var folder: String
  private var oldFiles: [String] = []

  /// Reads every spool file. What was written under another boot counts for nothing: the coordinator takes
  /// those attempts as lost by the new incarnation, and their output may not have reached the disk.
  init(folder: String, bootID: String) throws(SystemError) {
    self.folder = folder
    let names = try Files.names(in: folder)
    for name in names where name.hasSuffix(".attempts") || name.hasSuffix(".new") {
      oldFiles.append(folder + "/" + name)
      if name.hasSuffix(".attempts") { read(try Files.read(folder + "/" + name), bootID) }
    }
    let lost = AttemptResult(
      kind: .lost, rc: -1, start: .none, stop: .none, words: "the agent's process died while it ran")
    for fence in attempts.keys where attempts[fence]!.result == nil { attempts[fence]!.result = lost }
    let files = keptFiles(names)
    for fence in attempts.keys.sorted() { restoreOutput(of: fence, files[fence] ?? [:]) }
  }

  /// In the order of fences.
  var ends: [(fence: Fence, result: AttemptResult)] {
    attempts.keys.sorted().map { ($0, attempts[$0]!.result!) }
  }

  /// The files are read and what they say is in the new spool.
  func removeFiles(except path: String) {
    for old in oldFiles where old != path { unlink(old) }
  }

  private mutating func read(_ bytes: [UInt8], _ bootID: String) {
    var isCurrent = false
    for text in bytes.split(separator: UInt8(ascii: "\n")) {
      guard let line = SpoolLine(text) else { continue }
      if case .header(let id) = line { isCurrent = id == bootID }
      if isCurrent { attempts.take(line) }
    }
  }

  /// Files are named `FENCE.STREAM.FROM`; those of nobody's end are removed.
  private func keptFiles(_ names: [String]) -> [Fence: [OutputStream: Int64]] {
    var files: [Fence: [OutputStream: Int64]] = [:]
    for name in names where !name.hasSuffix(".attempts") {
      let parts = name.split(separator: ".")
      guard parts.count == 3, let number = Int64(parts[0]), let from = Int64(parts[2]),
        let stream = OutputStream.allCases.first(where: { $0.name == parts[1] }),
        let attempt = attempts[Fence(number)], attempt.output[stream] == nil
      else {
        unlink(folder + "/" + name)
        continue
      }
      files[Fence(number), default: [:]][stream] = from
    }
    return files
  }

  private mutating func restoreOutput(of fence: Fence, _ files: [OutputStream: Int64]) {
    var result = attempts[fence]!.result!
    if result.kind == .lost { measure(&result, fence, files) }
    if result.stdoutBytes > 0 || result.stderrBytes > 0 {
      let pieces = attempts[fence]!.output
      let left = { (stream: OutputStream) -> KeptStream.Left in
        if let piece = pieces[stream] { return .piece(piece) }
        return files[stream].map { .file(from: $0) } ?? .nothing
      }
      do throws(SystemError) {
        outputs.append(
          try AttemptOutput(
            fence, folder: folder, result: result, stdout: left(.stdout), stderr: left(.stderr)))
      } catch {
        Say.line("output of attempt \(fence) is cut: \(error.message)")
        result.tell(lostOutput: error.message)
      }
    }
    attempts[fence]!.result = result
  }

  /// Nobody counted what a lost attempt printed: what its files hold is what there is.
  private func measure(_ result: inout AttemptResult, _ fence: Fence, _ files: [OutputStream: Int64]) {
    let end = { (stream: OutputStream) in
      files[stream].flatMap { KeptFile.end(of: KeptStream.path(folder, fence, stream, $0)) } ?? 0
    }
    result.stdoutBytes = end(.stdout)
    result.stderrBytes = end(.stderr)
  }
}
