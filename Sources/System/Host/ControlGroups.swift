import Glibc

/// Limits of the control groups that this process is in, the tightest of each group and those above it
/// (cgroups(7); version 2: Documentation/admin-guide/cgroup-v2.rst of the kernel).
public enum ControlGroups {
  /// The folder of the group that this process is in, for a controller of version 1 or (`""`) version 2; nil: there
  /// is no such tree here, or it cannot be seen.
  public static func ownFolder(of controller: String) -> String? {
    guard let folder = folders(of: controller).last, access(folder + "/cgroup.procs", F_OK) == 0 else {
      return nil
    }
    return folder
  }

  /// Thousandths of a core; nil: no limit.
  static var milliCores: Int64? {
    let unified = folders(of: "").compactMap { folder -> Int64? in
      let words = (Files.line(folder + "/cpu.max") ?? "").split(separator: " ")
      guard words.count == 2, let quota = Int64(words[0]), let period = Int64(words[1]), period > 0 else {
        return nil
      }
      return quota * 1000 / period
    }
    let old = folders(of: "cpu").compactMap { folder -> Int64? in
      guard let quota = Files.line(folder + "/cpu.cfs_quota_us").flatMap({ Int64($0) }), quota > 0,
        let period = Files.line(folder + "/cpu.cfs_period_us").flatMap({ Int64($0) }), period > 0
      else { return nil }
      return quota * 1000 / period
    }
    return (unified + old).min()
  }

  /// nil: no limit. (Version 1 says "none" by a number near 2⁶³: larger than any host.)
  static var memoryBytes: Int64? {
    let unified = folders(of: "").compactMap { Files.line($0 + "/memory.max").flatMap { Int64($0) } }
    let old = folders(of: "memory").compactMap {
      Files.line($0 + "/memory.limit_in_bytes").flatMap { Int64($0) }
    }
    return (unified + old).min()
  }

  /// The folders of our group and of those above it, for a controller of version 1 or (`""`) version 2.
  private static func folders(of controller: String) -> [String] {
    guard let mount = mount(of: controller), let group = group(of: controller) else { return [] }
    // In a container the mount shows a part of the tree only: the group's path begins with that part's root.
    var path = group
    if mount.root != "/", path.hasPrefix(mount.root) { path = String(path.dropFirst(mount.root.count)) }
    var folders = [mount.point]
    var folder = mount.point
    for name in path.split(separator: "/") where name != ".." {
      folder += "/" + name
      folders.append(folder)
    }
    return folders
  }

  /// From /proc/self/cgroup: `4:memory:/a/b`, `0::/`.
  private static func group(of controller: String) -> String? {
    for line in (Files.line("/proc/self/cgroup") ?? "").split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      if fields.count == 3,
        fields[1].split(separator: ",", omittingEmptySubsequences: false).contains(controller[...])
      {
        return String(fields[2])
      }
    }
    return nil
  }

  /// From /proc/self/mountinfo: `36 35 0:30 /root /point options - type source superoptions` (proc(5)).
  private static func mount(of controller: String) -> (root: String, point: String)? {
    for line in (Files.line("/proc/self/mountinfo") ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count > 6, let dash = words.firstIndex(of: "-"), dash + 3 < words.count else { continue }
      let isIt =
        controller.isEmpty
        ? words[dash + 1] == "cgroup2"
        : words[dash + 1] == "cgroup" && words[dash + 3].split(separator: ",").contains(controller[...])
      if isIt { return (String(words[3]), String(words[4])) }
    }
    return nil
  }
}
