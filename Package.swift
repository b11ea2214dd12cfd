// swift-tools-version: 6.2
import PackageDescription

// The imports show the architecture; docs/ARCHITECTURE.md draws it.
// Warnings are errors: what the compiler doubts, a reader doubts too.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func program(_ name: String, path: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: path, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

let package = Package(
  name: "caravan",
  products: [
    .executable(name: "caravan-coordinator", targets: ["caravan-coordinator"]),
    .executable(name: "caravan-agent", targets: ["caravan-agent"]),
    .executable(name: "caravan", targets: ["caravan"]),
    .executable(name: "caravan-sim", targets: ["caravan-sim"]),
  ],
  targets: [
    // Pure: values in, values out.
    library("Protocol", []),
    library("Scheduling", ["Protocol"]),
    // The kernel and the C libraries.
    .target(name: "CSystem", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(
      name: "CMicrohttpd", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
    library("System", ["CSystem", "Protocol"]),
    library("SQLite", ["CSQLite"]),
    library("Transport", ["System", "CSystem", "Protocol"]),
    library("HTTP", ["CMicrohttpd", "System", "Protocol"]),
    // The daemons and the client.
    library("Coordinator", ["Protocol", "Scheduling", "System", "CSystem", "SQLite", "Transport", "HTTP"]),
    library("Agent", ["Protocol", "Scheduling", "System", "CSystem", "Transport"]),
    library("CLI", ["Protocol"]),
    // The Scheduler and the AttemptTracker in a simulated world.
    library("Simulator", ["Protocol", "Scheduling"]),
    program("caravan-coordinator", path: "Sources/CoordinatorMain", ["Coordinator"]),
    program("caravan-agent", path: "Sources/AgentMain", ["Agent"]),
    program("caravan", path: "Sources/CLIMain", ["CLI"]),
    program("caravan-sim", path: "Sources/SimulatorMain", ["Simulator", "Protocol", "System"]),
    program(
      "caravan-bench-agents", path: "Benchmarks/agents", ["Protocol", "Scheduling", "System", "Transport"]),
    // Loops whose instructions are counted.
    program("caravan-bench-heart", path: "Benchmarks/heart", ["Protocol", "Scheduling"]),
    tests("SQLiteTests", ["SQLite"]),
    // A disk that fails, under SQLite; for tests.
    .target(
      name: "CFaultyDisk", dependencies: ["CSQLite"], path: "Tests/FaultyDisk",
      cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
    tests(
      "CoordinatorTests",
      [
        "Coordinator", "Protocol", "Scheduling", "SQLite", "System", "Transport", "HTTP", "RawHTTP",
        "CFaultyDisk",
      ]),
    tests("ProtocolTests", ["Protocol"], exclude: ["Golden"]),
    tests("CLITests", ["CLI", "Protocol"]),
    tests("SchedulingTests", ["Scheduling"]),
    tests("SimulatorTests", ["Simulator"]),
    // A client for tests that sends any bytes.
    .target(name: "RawHTTP", dependencies: ["HTTP"], path: "Tests/RawHTTP", swiftSettings: strict),
    tests("HTTPTests", ["HTTP", "RawHTTP", "System", "Protocol"]),
    tests("SystemTests", ["System", "CSystem", "Protocol"]),
    // A loop on a thread of its own, for tests.
    .target(
      name: "TestLoop", dependencies: ["Transport", "System", "Protocol"], path: "Tests/TestLoop",
      swiftSettings: strict),
    tests("TransportTests", ["Transport", "System", "Protocol", "TestLoop"]),
    tests(
      "AgentTests", ["Agent", "caravan-agent", "Transport", "System", "Protocol", "TestLoop"],
      exclude: ["hanging-agent"]),
    // The real programs, started, used and killed.
    tests("EndToEndTests", []),
  ]
)
