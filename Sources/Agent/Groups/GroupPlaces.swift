import CSystem
import Glibc
import System

/// Where this host lets this start make control groups for its tasks.
struct GroupPlaces: Sendable {
  /// Whether processes are told and killed in the tree of version 2.
  let isUnified: Bool
  /// nil: none can be made.
  let tracking: String?
  /// The same for memory; nil: not counted.
  let memory: String?

  /// Makes the folders of this start, where they can be made.
  init(_ folders: GroupFolders, startNumber: Int64) {
    let made = [folders.unified, folders.memory].map { $0.flatMap { Self.make("\($0)/\(startNumber)") } }
    isUnified = made[0] != nil
    tracking = made[0] ?? made[1]
    if let old = made[1] {
      memory = old
    } else if let unified = made[0], let own = GroupFolders.own(""), Self.giveMemory(from: own, to: unified) {
      memory = unified
    } else {
      memory = nil
    }
  }

  /// None are to be made.
  init() {
    isUnified = false
    tracking = nil
    memory = nil
  }

  private static func make(_ folder: String) -> String? {
    do throws(SystemError) { try Files.makeDirectory(folder) } catch { return nil }
    return access(folder + "/cgroup.procs", W_OK) == 0 ? folder : nil
  }

  /// Hands the memory controller down to our groups. A group that hands down has no processes of its own
  /// (cgroup-v2.rst, "no internal process constraint"): so we move into one below, provided that the group is ours to
  /// divide, which systemd says by an attribute (`Delegate=`, systemd.resource-control(5)).
  private static func giveMemory(from own: String, to start: String) -> Bool {
    let controllers = (Files.line(own + "/cgroup.controllers") ?? "").split(separator: " ")
    guard controllers.contains("memory"), isDelegated(own), let leaf = make("\(own)/\(GroupFolders.leaf)"),
      ControlFile(leaf + "/cgroup.procs", O_WRONLY)?.write("0") ?? false
    else { return false }
    var folder = own
    for name in start.dropFirst(own.count).split(separator: "/").map(String.init) + [""] {
      guard ControlFile(folder + "/cgroup.subtree_control", O_WRONLY)?.write("+memory") ?? false else {
        return false
      }
      folder += "/" + name
    }
    return true
  }

  private static func isDelegated(_ folder: String) -> Bool {
    caravan_has_attribute(folder, "user.delegate", "1") == 1
      || caravan_has_attribute(folder, "trusted.delegate", "1") == 1
  }
}
