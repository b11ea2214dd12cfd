/// A word on a command line that begins with `--`.
public struct Flag: Sendable {
  /// Without the dashes.
  public let name: String
  /// What stands for its value in the help (`DIR`); nil: a switch, which takes none.
  public let valueName: String?
  /// Whether it may be given more than once.
  public let isRepeated: Bool
  /// One line.
  public let help: String

  /// A flag with a value: `--name VALUE` or `--name=VALUE`.
  public init(_ name: String, _ valueName: String, repeated: Bool = false, help: String) {
    self.name = name
    self.valueName = valueName
    isRepeated = repeated
    self.help = help
  }

  /// A switch.
  public init(_ name: String, help: String) {
    self.name = name
    valueName = nil
    isRepeated = false
    self.help = help
  }

  /// As it stands in the help: `--data-dir DIR`.
  public var usage: String { valueName.map { "--\(name) \($0)" } ?? "--\(name)" }
}

/// What is wrong with a command line, in one line for the person who typed it. Programs print it and exit
/// with 2.
public struct FlagFault: Error, Hashable, Sendable, CustomStringConvertible {
  public let message: String
  public var description: String { message }
  public init(_ message: String) { self.message = message }
}
