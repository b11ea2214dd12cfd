/// Leaves out of a failing history what it does not need in order to fail.
///
/// Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002), with a
/// last pass over single steps: every step has a seed of its own, so the others stay what they are.
extension History {
  /// The shortest history found that still fails; this one itself where it does not.
  public func shortest(_ fails: (History) -> Bool) -> History {
    var best = self
    var size = max(1, best.steps.count / 2)
    while true {
      var hasShrunk = false
      var at = 0
      while at < best.steps.count {
        var candidate = best
        candidate.steps.removeSubrange(at..<min(best.steps.count, at + size))
        if fails(candidate) {
          best = candidate
          hasShrunk = true
        } else {
          at += size
        }
      }
      if size > 1 {
        size /= 2
      } else if !hasShrunk {
        return best
      }
    }
  }
}
