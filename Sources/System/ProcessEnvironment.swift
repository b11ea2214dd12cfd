import Glibc

/// The variables this process was started with.
public enum ProcessEnvironment {
  /// A name that comes twice counts as it comes first, as for getenv(3).
  public static func now() -> [String: String] {
    var variables: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if let equals = text.firstIndex(of: "=") {
        let name = String(text[..<equals])
        if variables[name] == nil { variables[name] = String(text[text.index(after: equals)...]) }
      }
      next += 1
    }
    return variables
  }
}
