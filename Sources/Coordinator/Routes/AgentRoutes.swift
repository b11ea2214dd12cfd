import HTTP
import Protocol
import Scheduling

/// `/v1/agents`.
struct AgentRoutes {
  let service: any RunService

  var routes: [Route] {
    [
      Route("GET", "/v1/agents", .read) { (_, reply) in
        service.agents { agents in
          reply(
            .json(capacity: 64 + 400 * agents.count) {
              $0.array { for agent in agents { agent.write(to: &$0) } }
            })
        }
      }
    ]
  }
}

extension AgentStatus {
  func write(to writer: inout JSONWriter) {
    writer.object {
      $0.member("agentID", row.id.value)
      $0.member("name", row.name)
      $0.member("state", state.name)
      if !unfitness.isEmpty { $0.member("reason", unfitness) }
      $0.member("connected", isConnected)
      $0.member("cores") { $0.cores(row.capacity.milliCores) }
      $0.member("memoryMB", row.capacity.memoryMB)
      $0.member("coresUsed") { $0.cores(used.milliCores) }
      $0.member("memoryMBUsed", used.memoryMB)
      $0.member("running", running)
      $0.member("waiting", waiting)
      $0.member("labels") {
        $0.object {
          for label in row.labels.sorted(by: { $0.key < $1.key }) { $0.member(label.key, label.value) }
        }
      }
      $0.member("lastSeen", String(row.lastSeen.nanoseconds))
      $0.member("version", row.software)
    }
  }
}
