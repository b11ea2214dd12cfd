import Glibc
import System

/// The folders of an agent's control groups: `caravan-DIRECTORY/START/NUMBER` below the agent's own group, in each tree
/// that there is; for whoever is to find what is in them.
///
/// Below the agent's own group, so that a limit on the agent holds for its tasks.
struct GroupFolders {
  /// What the agent itself moves into where its own group hands memory down.
  static let leaf = "caravan-agent"

  /// Of the data directory: in the tree of version 2, and in the one of memory; nil: there is no such tree.
  let unified: String?
  let memory: String?

  init(directoryID: String) {
    unified = Self.own("").map { "\($0)/caravan-\(directoryID)" }
    memory = Self.own("memory").map { "\($0)/caravan-\(directoryID)" }
  }

  /// The agent's own group in a tree.
  static func own(_ controller: String) -> String? {
    guard let folder = ControlGroups.ownFolder(of: controller) else { return nil }
    return folder.hasSuffix("/" + leaf) ? String(folder.dropLast(leaf.count + 1)) : folder
  }

  private var roots: [String] { [unified, memory].compactMap(\.self) }

  /// Processes in the groups of those starts.
  func pids(where isWanted: (_ start: Int64) -> Bool) -> [Int32] {
    var found: Set<Int32> = []
    for start in starts(where: isWanted) {
      for group in Self.numbers(in: start) { found.formUnion(Self.pids(in: "\(start)/\(group)")) }
    }
    return found.sorted()
  }

  /// The group of ours that a process is in; nil: it is in none.
  func group(of pid: Int32) -> String? {
    // `0::/a/caravan-x/1/2`: our part of it begins with the folder's name.
    for root in roots {
      let name = root.split(separator: "/").last.map(String.init) ?? ""
      for line in (Files.line("/proc/\(pid)/cgroup") ?? "").split(separator: "\n") {
        let parts = line.split(separator: "/").map(String.init)
        guard let at = parts.firstIndex(of: name), at + 2 < parts.count else { continue }
        return "\(root)/\(parts[at + 1])/\(parts[at + 2])"
      }
    }
    return nil
  }

  static func pids(in group: String) -> [Int32] {
    (Files.line(group + "/cgroup.procs") ?? "").split(separator: "\n").compactMap { Int32($0) }
  }

  /// Once nobody is in them.
  func remove(where isWanted: (_ start: Int64) -> Bool) {
    for start in starts(where: isWanted) {
      for group in Self.numbers(in: start) { rmdir("\(start)/\(group)") }
      rmdir(start)
    }
    // Only the last start's succeeds.
    for root in roots { rmdir(root) }
  }

  private func starts(where isWanted: (Int64) -> Bool) -> [String] {
    roots.flatMap { root in Self.numbers(in: root).filter(isWanted).map { "\(root)/\($0)" } }
  }

  private static func numbers(in folder: String) -> [Int64] {
    ((try? Files.names(in: folder)) ?? []).compactMap { Int64($0) }
  }
}
