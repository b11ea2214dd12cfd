import Foundation

/// The programs under test: those of the build that these tests are part of.
enum Programs {
  static var coordinator: String { path("caravan-coordinator") }
  static var agent: String { path("caravan-agent") }
  static var client: String { path("caravan") }

  /// SwiftPM puts a package's programs beside its tests.
  private static let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().path

  private static func path(_ name: String) -> String {
    let path = folder + "/" + name
    precondition(
      FileManager.default.isExecutableFile(atPath: path), "no program \(path): run 'swift build' first")
    return path
  }
}
