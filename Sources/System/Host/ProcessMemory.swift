import Glibc

/// What processes take of memory, by /proc (proc_pid_statm(5), proc_pid_smaps(5)).
public enum ProcessMemory {
  private static let pageKB = Int64(sysconf(Int32(_SC_PAGESIZE))) >> 10

  /// The resident size of all of them together, in KB: what they share with each other counts once, as far as that
  /// is cheap to tell, so it is a little too small rather than too large.
  public static func residentKB(_ pids: [Int32]) -> Int64 {
    var own: Int64 = 0
    var shared: Int64 = 0
    for pid in pids {
      let words = (Files.line("/proc/\(pid)/statm") ?? "").split(separator: " ", maxSplits: 3)
      guard words.count > 3, let resident = Int64(words[1]), let part = Int64(words[2]) else { continue }
      own += resident - part
      shared = max(shared, part)
    }
    return (own + shared) * pageKB
  }

  /// The same with each shared page divided among all who share it: exact, and so slow that it is asked for only
  /// where `residentKB` is not sure. 0 where the kernel does not say.
  public static func proportionalKB(_ pids: [Int32]) -> Int64 {
    pids.reduce(0) { sum, pid in
      for line in (Files.line("/proc/\(pid)/smaps_rollup") ?? "").split(separator: "\n")
      where line.hasPrefix("Pss:") {
        return sum + (Int64(line.drop { !$0.isNumber }.prefix { $0.isNumber }) ?? 0)
      }
      return sum
    }
  }
}
