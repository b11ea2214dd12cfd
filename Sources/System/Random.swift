import CSystem
import Glibc

/// Random numbers of the kernel (getrandom(2)).
public enum Random {
  public static func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      // It fails on no supported kernel; going on with guessable tokens would be worse than stopping.
      precondition(
        caravan_getrandom(buffer.baseAddress, count) == 0, "getrandom: \(SystemError.words(errno))")
      filled = count
    }
  }

  /// `bytes` random bytes as lower-case hex digits, two a byte.
  public static func hex(bytes count: Int) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes(count) {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
