import CSystem
import Glibc
import HTTP
import Protocol
import Scheduling
import Synchronization
import System

/// The program: reads its flags, wires the parts up, serves until it is told to end.
public enum CoordinatorProgram {
  /// Exit codes, as documented in the README.
  enum Exit {
    static let fine: Int32 = 0
    static let failed: Int32 = 1
    static let wrongFlags: Int32 = 2
    static let portTaken: Int32 = 69
    static let storageFailed: Int32 = 70
  }

  /// Runs to the end; the result is the exit code.
  public static func run(arguments: [String]) -> Int32 {
    let options: CoordinatorOptions
    do throws(FlagFault) {
      let flags = try CoordinatorOptions.parser.parse(arguments)
      if flags.has("help") { return print(help()) }
      if flags.has("version") { return print("caravan-coordinator \(softwareVersion)\n") }
      options = try CoordinatorOptions(flags, environment: ProcessEnvironment.now(), userID: geteuid())
    } catch {
      Journal.say(error.message)
      return Exit.wrongFlags
    }
    // SQLite maps the index of its log. On file systems with blocks smaller than a page that may have no room.
    caravan_end_at_bus_error(
      "caravan-coordinator: a mapped file of the data directory has no room on its disk, or cannot be read: free some space, or see to the disk\n",
      Exit.storageFailed)
    // Before any thread is made, so that all of them inherit it.
    let signals = StopSignals()
    do {
      let service = try CoordinatorService(options)
      defer { service.stop() }
      Journal.say(
        "serves REST on \(service.endpoints.http) and agents on \(service.endpoints.agents); data in \(options.dataDirectory)"
      )
      ServiceManager.notify("READY=1")
      let signal = signals.wait()
      Journal.say("stops: \(signal)")
      ServiceManager.notify("STOPPING=1")
      return Exit.fine
    } catch let error as StoreFault {
      Journal.say(error.message)
      return Exit.storageFailed
    } catch let error as SystemError {
      Journal.say(error.message)
      return error.code == .addressInUse ? Exit.portTaken : Exit.failed
    } catch let error as HTTPError {
      Journal.say(error.message)
      return error.code == .portTaken ? Exit.portTaken : Exit.failed
    } catch {
      Journal.say("\(error)")
      return Exit.failed
    }
  }

  private static func help() -> String {
    "usage: caravan-coordinator [flags]\n\n" + CoordinatorOptions.parser.help.joined(separator: "\n") + "\n"
  }

  private static func print(_ text: String) -> Int32 {
    Swift.print(text, terminator: "")
    return Exit.fine
  }
}

/// SIGTERM and SIGINT, waited for instead of handled: blocked in every thread, taken by sigwait(3).
struct StopSignals: Sendable {
  private let set: sigset_t

  init() {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGTERM)
    sigaddset(&set, SIGINT)
    pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
    self.set = set
  }

  /// The signal's name.
  func wait() -> String {
    var set = set
    var number: Int32 = 0
    sigwait(&set, &number)
    return number == SIGTERM ? "SIGTERM" : "SIGINT"
  }
}
