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
  private let folder: OutputFolder
  private var oldFiles: [String] = []

  /// Reads every spool file. What was written under another boot counts for nothing: the coordinator takes
  /// those attempts as lost by the new incarnation, and their output may not have reached the disk.
  init(in folder: OutputFolder, bootID: String) throws(SystemError) {
    self.folder = folder
    let names = try Files.names(in: folder.path)
    for name in names where name.hasSuffix(".attempts") || name.hasSuffix(".new") {
      oldFiles.append(folder.path + "/" + name)
      if name.hasSuffix(".attempts") { attempts.read(try Files.read(folder.path + "/" + name), bootID) }
    }
    for fence in attempts.keys where attempts[fence]!.result == nil { attempts[fence]!.result = .lost }
    let files = keptFiles(names)
    for fence in attempts.keys.sorted() { restoreOutput(of: fence, files[fence] ?? [:]) }
  }

  /// The same without touching anything: for who looks on. Files that cannot be read hold nothing.
  static func attempts(in folder: String, bootID: String) -> [Fence: SpooledAttempt] {
    var attempts: [Fence: SpooledAttempt] = [:]
    for name in (try? Files.names(in: folder)) ?? [] where name.hasSuffix(".attempts") {
      if let bytes = try? Files.read(folder + "/" + name) { attempts.read(bytes, bootID) }
    }
    return attempts
  }

  /// In the order of fences.
  var ends: [(fence: Fence, result: AttemptResult)] {
    attempts.keys.sorted().map { ($0, attempts[$0]!.result!) }
  }

  /// The files are read and what they say is in the new spool.
  func removeFiles(except path: String) {
    for old in oldFiles where old != path { unlink(old) }
  }

  /// Those of nobody's end are removed.
  private func keptFiles(_ names: [String]) -> [Fence: [OutputStream: KeptFileName]] {
    var files: [Fence: [OutputStream: KeptFileName]] = [:]
    for text in names where !text.hasSuffix(".attempts") {
      guard let name = KeptFileName(text), let attempt = attempts[name.fence],
        attempt.output[name.stream] == nil
      else {
        unlink(folder.path + "/" + text)
        continue
      }
      files[name.fence, default: [:]][name.stream] = name
    }
    return files
  }

  private mutating func restoreOutput(of fence: Fence, _ files: [OutputStream: KeptFileName]) {
    var result = attempts[fence]!.result!
    if result.kind == .lost { measure(&result, files) }
    if result.stdoutBytes > 0 || result.stderrBytes > 0 {
      let pieces = attempts[fence]!.output
      let left = { (stream: OutputStream) -> KeptStream.Left in
        if let piece = pieces[stream] { return .piece(piece) }
        return files[stream].map { .file($0) } ?? .nothing
      }
      do throws(SystemError) {
        outputs.append(
          try AttemptOutput(
            fence, in: folder, result: result, stdout: left(.stdout), stderr: left(.stderr)))
      } catch {
        Say.line("output of attempt \(fence) is cut: \(error.message)")
        result.tell(lostOutput: error.message)
      }
    }
    attempts[fence]!.result = result
  }

  /// Nobody counted what a lost attempt printed: what its files hold is what there is.
  private func measure(_ result: inout AttemptResult, _ files: [OutputStream: KeptFileName]) {
    let end = { (stream: OutputStream) in
      files[stream].flatMap { KeptFile.end(of: $0, in: folder) } ?? 0
    }
    result.stdoutBytes = end(.stdout)
    result.stderrBytes = end(.stderr)
  }
}
