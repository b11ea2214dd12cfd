import Glibc

/// Says which history it was when a precondition of the code itself ends the process.
enum Trap {
  private static let most = 64
  /// By thread; written by that thread, read by a handler on it or another.
  nonisolated(unsafe) private static let seeds = UnsafeMutablePointer<UInt64>.allocate(capacity: most)
  nonisolated(unsafe) private static let threads = UnsafeMutablePointer<pthread_t>.allocate(capacity: most)

  static func watch() {
    seeds.initialize(repeating: 0, count: most)
    threads.initialize(repeating: 0, count: most)
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT] {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { _ in Trap.tell() }
      sigaction(number, &action, nil)
    }
  }

  static func note(_ seed: UInt64, thread: Int) {
    seeds[thread] = seed
    threads[thread] = pthread_self()
  }

  private static func tell() {
    let own = pthread_self()
    for number in 0..<most where pthread_equal(threads[number], own) != 0 {
      SimulatorProgram.say(
        "seed \(seeds[number]): a precondition of the code failed (caravan-sim --seed \(seeds[number]) --log says where)"
      )
    }
    _exit(SimulatorProgram.Exit.violated.rawValue)
  }
}
