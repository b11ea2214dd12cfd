import CSystem
import Glibc
public import Protocol

/// What the host has for us: its own numbers, cut down to what affinity and control groups leave.
public enum HostFacts {
  /// Changes at each boot: what ran before it runs no more.
  public static func bootID() throws(SystemError) -> String {
    let path = "/proc/sys/kernel/random/boot_id"
    guard let id = Files.line(path), !id.isEmpty else { throw SystemError(.notFound, "cannot read \(path)") }
    return id
  }

  public static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Cores by affinity and CPU quota, memory by size and control groups; at least one thousandth and 1 MB.
  public static func capacity() -> ResourceVector {
    var milliCores = Int64(max(1, caravan_affinity_cores())) * 1000
    if let quota = ControlGroups.milliCores { milliCores = min(milliCores, max(1, quota)) }
    var memoryMB = totalMemoryMB
    if let limit = ControlGroups.memoryBytes { memoryMB = min(memoryMB, limit >> 20) }
    return ResourceVector(
      milliCores: min(milliCores, ResourceVector.most), memoryMB: min(max(1, memoryMB), ResourceVector.most))
  }

  private static var totalMemoryMB: Int64 {
    for line in (Files.line("/proc/meminfo") ?? "").split(separator: "\n") where line.hasPrefix("MemTotal:") {
      let digits = line.drop { !$0.isNumber }.prefix { $0.isNumber }
      if let kilobytes = Int64(digits) { return kilobytes >> 10 }
    }
    return Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE))) >> 20
  }
}
