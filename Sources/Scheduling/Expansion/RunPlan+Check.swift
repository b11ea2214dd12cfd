public import Protocol

extension RunPlan {
  /// Checks a submitted document. Any bytes at all may be given.
  public static func check(_ text: [UInt8], limits: ExpansionLimits = .standard) -> Checked {
    PlanCheck.check(text, as: .document, limits: limits, isTrusted: false)
  }

  /// Checks what a generator printed, an object as in `tasks`, against the run it joins: its parameters and
  /// jobDefaults, names that must be new, limits over the whole run. `layout` is the run without what the
  /// generator made before. (Another generator may add names meanwhile: see `RunLayout.clashes`.)
  public static func check(
    generated text: [UInt8], by generator: TaskIndex, joining layout: RunLayout,
    limits: ExpansionLimits = .standard
  ) -> Checked {
    PlanCheck.check(
      text, as: .tasks, joined: layout, generatorChildren: layout.children(of: generator).count,
      limits: limits,
      isTrusted: false)
  }

  /// Reads a document again that was accepted before: no limits, no search for cycles. What cannot be read
  /// all the same (another version's document, a damaged one) is thrown.
  public static func trusted(_ text: [UInt8]) throws(Fault) -> RunPlan {
    try plan(PlanCheck.check(text, as: .document, limits: .none, isTrusted: true))
  }

  /// Reads a generator's output again. `layout` holds the parts before it that are not dropped.
  public static func trusted(generated text: [UInt8], joining layout: RunLayout) throws(Fault) -> RunPlan {
    try plan(PlanCheck.check(text, as: .tasks, joined: layout, limits: .none, isTrusted: true))
  }

  private static func plan(_ checked: Checked) throws(Fault) -> RunPlan {
    switch checked {
    case .plan(let plan): return plan
    case .faults(let faults, _): throw faults[0]
    case .notADocument(let fault): throw fault
    case .tooLarge(let tooLarge): throw tooLarge.fault
    }
  }
}
