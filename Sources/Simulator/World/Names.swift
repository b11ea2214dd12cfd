import Protocol

/// Texts, jobs and bytes that histories share, so that none are made on the way.
enum Names {
  static let longestPiece = 48

  private static let agents = (0..<8).map { "agent\($0)" }
  private static let directories = (0..<64).map { "directory\($0)" }
  private static let boots = (0..<64).map { "boot\($0)" }
  private static let tasks = (0..<256).map { "task\($0)" }
  private static let pieces = (0...longestPiece).map { [UInt8](repeating: 0x2E, count: $0) }
  /// By cores (1, 2), memory (10, 20), time limit (none, 1 s) and grace (0 to 3 s, or the agent's).
  private static let jobs: [Job] = (0..<40).map { (number: Int) -> Job in
    let needs = ResourceVector(
      milliCores: number & 1 == 0 ? 1000 : 2000, memoryMB: number & 2 == 0 ? 10 : 20)
    let grace: Int32? = number >> 3 == 4 ? nil : Int32(number >> 3)
    return Job(
      command: ["task"], needs: needs, timeoutSeconds: number & 4 == 0 ? 0 : 1, killGraceSeconds: grace)
  }

  static func agent(_ number: Int) -> String { agents[number] }
  static func directory(_ number: Int) -> String { directories[number & 63] }
  static func boot(_ number: Int) -> String { boots[number & 63] }
  static func task(_ number: Int32) -> String { tasks[Int(number) & 255] }
  static func bytes(_ count: Int) -> [UInt8] { pieces[count] }

  static func job(needs: ResourceVector, _ random: inout SeededRandom) -> Job {
    var number = Int(needs.milliCores / 1000 - 1) + (needs.memoryMB == 20 ? 2 : 0)
    if random.chance(percent: 10) { number += 4 }
    return jobs[number + 8 * random.below(5)]
  }
}
