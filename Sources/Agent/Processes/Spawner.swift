import CSystem
import Glibc
import Protocol
import System

/// Begins the process of an attempt, or says in words why there is none.
struct Spawner: ~Copyable {
  struct Spawned {
    var pid: Int32
    /// Read ends of its output; they do not block.
    var stdout: Int32
    var stderr: Int32
    var start: WallTime
    /// Until it has executed its program; nil: it has.
    var birth: Birth?
  }
  /// Exit codes as shells have them (POSIX, Shell Command Language 2.8.2).
  struct Failure: Error {
    static let notFound: Int32 = 127
    static let notExecutable: Int32 = 126
    var rc: Int32
    var words: String
    var time: WallTime
    /// Its control group could not be joined.
    var isOfGroup = false
    /// It may not run on the CPUs that it was to be pinned to.
    var isOfPin = false
  }

  private let environment: TaskEnvironment
  private let workDirectory: String
  private let nothing: FileDescriptor
  /// The soft limit of open files that tasks get: what this process had before it raised its own.
  private let openFiles: UInt64
  private let mostOpenFiles: UInt64
  let score = OOMScore()

  init(environment: TaskEnvironment, workDirectory: String) throws(SystemError) {
    let null = caravan_open("/dev/null", O_RDONLY, 0)
    if null < 0 { throw SystemError("cannot open /dev/null") }
    nothing = FileDescriptor(owning: null)
    self.environment = environment
    self.workDirectory = workDirectory
    var soft: UInt64 = 0
    var hard: UInt64 = 0
    openFiles = caravan_open_files(&soft, &hard) == 0 ? soft : 0
    mostOpenFiles = hard
    // Each attempt needs two descriptors here.
    if soft < hard { caravan_set_open_files(hard, hard) }
  }

  func prepare(_ start: ToAgent.Start) throws(Failure) -> Preparation {
    try Preparation(start, in: directory(of: start.job), environment)
  }

  /// What becomes of it its birth tells. `group`: the control group that it is born in. `cpus`: those that it may run on;
  /// empty: all. `waits`: until it has executed its program.
  func spawn(
    _ start: ToAgent.Start, _ prepared: Preparation, in group: TaskGroup?, on cpus: [Int], waits: Bool
  ) throws(Failure) -> Spawned {
    var conditions = Birth.Conditions(
      stdin: nothing.raw, openFiles: openFiles, umask: Int32((start.job.world?.umask ?? .standard).bits),
      waits: waits)
    if let world = start.job.world {
      if let wanted = world.openFiles { conditions.openFiles = try checked(openFiles: wanted) }
      if case .text(let text) = world.stdin { conditions.stdin = try TaskInput.memory(holding: text) }
    }
    defer { if conditions.stdin != nothing.raw { close(conditions.stdin) } }
    let time = WallTime.now()
    let birth = try Birth(start, prepared, on: cpus)
    if Failpoint.forkBefore.fails() {
      let refused = caravan_spawned(stage: Int32(CARAVAN_SPAWN_PREPARE.rawValue), error: EAGAIN, pid: -1)
      throw Self.failure(refused, start.job, prepared, at: time)
    }
    score.raise()
    let spawned = birth.begin(in: group, conditions)
    if spawned.pid < 0 { throw Self.failure(spawned, start.job, prepared, at: time) }
    let inputs = prepared.takeInputs()
    return Spawned(pid: spawned.pid, stdout: inputs.stdout, stderr: inputs.stderr, start: time, birth: birth)
  }

  /// More than the host allows would not be a limit but a refusal somewhere in the middle of the job.
  private func checked(openFiles wanted: Int32) throws(Failure) -> UInt64 {
    if UInt64(wanted) <= mostOpenFiles { return UInt64(wanted) }
    throw Failure(
      rc: Failure.notExecutable,
      words: "the job wants \(wanted) open files, and this host lets it have \(mostOpenFiles) (ulimit -Hn)",
      time: .now())
  }

  /// A relative one is taken from the work directory: where the agent itself was started says nothing to a job.
  private func directory(of job: Job) -> String {
    guard let own = job.workingDirectory else { return workDirectory }
    return own.hasPrefix("/") ? own : workDirectory + "/" + own
  }

  /// What execvp(3) would try, by the job's PATH rather than ours.
  static func candidates(_ program: String, _ path: String) -> [String] {
    if program.isEmpty || program.utf8.contains(UInt8(ascii: "/")) { return [program] }
    return path.split(separator: ":", omittingEmptySubsequences: false).map {
      $0.isEmpty ? "./" + program : $0 + "/" + program
    }
  }

  static func failure(
    _ spawned: caravan_spawned, _ job: Job, _ prepared: Preparation, at time: WallTime
  ) -> Failure {
    let (rc, words) = explain(spawned, job, path: prepared.path, directory: prepared.directory)
    return Failure(
      rc: rc, words: words, time: time, isOfGroup: spawned.stage == Int32(CARAVAN_SPAWN_GROUP.rawValue),
      isOfPin: spawned.stage == Int32(CARAVAN_SPAWN_PIN.rawValue))
  }

  private static func explain(
    _ spawned: caravan_spawned, _ job: Job, path: String, directory: String
  ) -> (rc: Int32, words: String) {
    let program = job.command[0]
    let words = SystemError.words(spawned.error)
    let isMissing = spawned.error == ENOENT || spawned.error == ENOTDIR
    if spawned.stage == Int32(CARAVAN_SPAWN_CHDIR.rawValue) {
      if isMissing { return (Failure.notExecutable, "no such working directory: \(directory)") }
      return (Failure.notExecutable, "cannot enter the working directory \(directory): \(words)")
    }
    if spawned.stage == Int32(CARAVAN_SPAWN_STDIN.rawValue), case .file(let file) = job.world?.stdin {
      return (Failure.notExecutable, TaskInput.words(spawned.error, file, in: directory))
    }
    if spawned.stage == Int32(CARAVAN_SPAWN_GROUP.rawValue) {
      return (Failure.notExecutable, "cannot join a control group: \(words)")
    }
    if spawned.stage == Int32(CARAVAN_SPAWN_PIN.rawValue) {
      return (Failure.notExecutable, "cannot be pinned to its CPUs: \(words)")
    }
    if spawned.stage == Int32(CARAVAN_SPAWN_PREPARE.rawValue) {
      return (Failure.notExecutable, "cannot make a process for \(program): \(words)")
    }
    if isMissing {
      if !program.utf8.contains(UInt8(ascii: "/")) {
        return (Failure.notFound, "no such program: \(program) (looked for in PATH: \(path))")
      }
      let place = program.hasPrefix("/") ? program : directory + "/" + program
      if access(place, F_OK) != 0 { return (Failure.notFound, "no such program: \(program)") }
      // The file is there: what is missing is what it is run by (execve(2), ENOENT).
      return (
        Failure.notExecutable, "cannot execute \(program): the interpreter that it names does not exist"
      )
    }
    if spawned.error == ENOEXEC {
      return (
        Failure.notExecutable,
        "cannot execute \(program): \(words) (a script begins with a line such as #!/bin/sh)"
      )
    }
    return (Failure.notExecutable, "cannot execute \(program): \(words)")
  }
}
