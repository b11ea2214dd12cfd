import Glibc
import Protocol
import System
import Transport

do {
  guard let settings = try BenchSettings(Array(CommandLine.arguments.dropFirst())) else {
    print(BenchSettings.help)
    exit(0)
  }
  let loop = try EventLoop()
  let agents = (0..<settings.agents).map { BenchAgent("bench-\($0)", settings, on: loop) }
  for agent in agents { agent.dial() }
  loop.run()
} catch let error as FlagFault {
  print("caravan-bench-agents: \(error.message)")
  exit(64)
}
