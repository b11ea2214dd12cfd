import Protocol

extension JSONWriter {
  /// Thousandths of a core as a number of cores, without needless zeros.
  mutating func cores(_ thousandths: Int64) { raw(decimal(thousandths, places: 3).utf8) }

  /// Microseconds as a number of seconds.
  mutating func seconds(ofMicroseconds microseconds: Int64) { raw(decimal(microseconds, places: 6).utf8) }
}

/// `value` / 10^`places` exactly, without needless zeros: 1500 with 3 is "1.5".
func decimal(_ value: Int64, places: Int) -> String {
  var digits = Array(String(value.magnitude).utf8)
  if digits.count <= places {
    digits = Array(repeating: UInt8(ascii: "0"), count: places + 1 - digits.count) + digits
  }
  var fraction = digits[(digits.count - places)...]
  while fraction.last == UInt8(ascii: "0") { fraction.removeLast() }
  let whole = String(decoding: digits[..<(digits.count - places)], as: UTF8.self)
  let sign = value < 0 ? "-" : ""
  return fraction.isEmpty ? sign + whole : "\(sign)\(whole).\(String(decoding: fraction, as: UTF8.self))"
}
