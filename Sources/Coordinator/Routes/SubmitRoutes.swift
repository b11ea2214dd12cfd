import HTTP
import Protocol
import Scheduling

/// POST of a DAG: to run it, or only to hear what is wrong with it.
struct SubmitRoutes {
  let service: any RunService
  let limits: ExpansionLimits

  var routes: [Route] {
    [
      Route("POST", "/v1/dagrun", .submit) { (call, reply) in
        do throws(Problem) {
          let plan = try plan(of: RunPlan.check(call.request.body, limits: limits))
          service.submit(plan) { result in
            switch result {
            case .success(let run): reply(submitted(run, plan.warnings))
            case .failure(let refusal): reply(Problem(refusal).response)
            }
          }
        } catch {
          reply(error.response)
        }
      },
      .now("POST", "/v1/dagrun/validate", .read) { (call) throws(Problem) in
        let checked = RunPlan.check(call.request.body, limits: limits)
        if case .faults(let faults, let warnings) = checked { return verdict(faults, warnings) }
        return verdict([], try plan(of: checked).warnings)
      },
    ]
  }

  private func plan(of checked: Checked) throws(Problem) -> RunPlan {
    switch checked {
    case .plan(let plan): return plan
    case .notADocument(let fault):
      throw Problem(
        400, "no DAG that can be read: \(fault.message) (line \(fault.line), column \(fault.column))",
        members: [("errors", Fault.json([fault]))])
    case .faults(let faults, let warnings):
      let more = faults.count == 1 ? "" : " (and \(faults.count - 1) more, see errors)"
      var members = [(name: "errors", json: Fault.json(faults))]
      if !warnings.isEmpty { members.append(("warnings", Fault.json(warnings))) }
      throw Problem(400, "the DAG does not hold: \(faults[0].message)\(more)", members: members)
    case .tooLarge(let tooLarge):
      throw Problem(
        422, tooLarge.fault.message,
        members: [
          ("count", Array("\(tooLarge.count)".utf8)), ("limit", Array("\(tooLarge.limit)".utf8)),
          ("errors", Fault.json([tooLarge.fault])),
        ])
    }
  }

  private func submitted(_ run: RunID, _ warnings: [Fault]) -> Response {
    .json {
      $0.object {
        $0.member("runID", run.value)
        if !warnings.isEmpty { $0.member("warnings") { $0.raw(Fault.json(warnings)) } }
      }
    }
  }

  private func verdict(_ faults: [Fault], _ warnings: [Fault]) -> Response {
    .json {
      $0.object {
        $0.member("valid", faults.isEmpty)
        if !faults.isEmpty { $0.member("errors") { $0.raw(Fault.json(faults)) } }
        if !warnings.isEmpty { $0.member("warnings") { $0.raw(Fault.json(warnings)) } }
      }
    }
  }
}

extension Fault {
  /// As API.md shows faults: `message`, `path`, `line`, `column`, and `hint` where one can be given.
  static func json(_ faults: [Fault]) -> [UInt8] {
    var writer = JSONWriter(capacity: 160 * faults.count)
    writer.array {
      for fault in faults {
        $0.object {
          $0.member("message", fault.message)
          $0.member("path", fault.path)
          $0.member("line", fault.line)
          $0.member("column", fault.column)
          if let hint = fault.hint { $0.member("hint", hint) }
        }
      }
    }
    return writer.take()
  }
}
