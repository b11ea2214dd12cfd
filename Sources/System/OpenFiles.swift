import Glibc

/// How many descriptors this process may have open (getrlimit(2), RLIMIT_NOFILE).
public enum OpenFiles {
  /// Raises the soft limit as far as the hard one and `most` allow; answers what holds then. Lower than `most`
  /// where the administrator says so: that is kept.
  public static func raiseLimit(most: Int) -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    let wanted = min(limit.rlim_max, rlim_t(most))
    if limit.rlim_cur < wanted {
      var raised = limit
      raised.rlim_cur = wanted
      if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
    }
    return Int(min(limit.rlim_cur, rlim_t(most)))
  }
}
