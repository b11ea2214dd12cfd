import Glibc

/// What the operating system refused, and how to mend it.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: Hashable, Sendable {
    case notFound
    case notPermitted
    /// Another process holds the lock.
    case locked
    /// The port is taken.
    case addressInUse
    case noSpace
    /// An address or a file's content that is not what it must be.
    case invalid
    case other
  }
  public let code: Code
  public let message: String
  /// 0 where no call failed.
  public let errno: Int32
  public var description: String { message }

  public init(_ code: Code, _ message: String, errno: Int32 = 0) {
    self.code = code
    self.message = message
    self.errno = errno
  }

  /// `what` failed with errno: `"cannot open /x: Permission denied"`.
  public init(_ what: String, errno: Int32 = Glibc.errno) {
    let code: Code =
      switch errno {
      case ENOENT: .notFound
      case EACCES, EPERM, EROFS: .notPermitted
      case EADDRINUSE: .addressInUse
      case ENOSPC, EDQUOT: .noSpace
      default: .other
      }
    self.init(code, "\(what): \(Self.words(errno))", errno: errno)
  }

  /// `strerror` of an errno.
  public static func words(_ errno: Int32) -> String { String(cString: strerror(errno)) }
}
