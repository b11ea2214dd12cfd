import Foundation

/// Times of the API (strings of nanoseconds since 1970) for people.
enum Moment {
  private static let nanosecondsPerSecond: Int64 = 1_000_000_000

  /// `2026-05-04 13:02:11`; "-" for "0" (not yet) and for what is no time.
  static func show(_ text: String, in timeZone: TimeZone) -> String {
    guard let nanoseconds = Int64(text), nanoseconds > 0 else { return "-" }
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = timeZone
    formatter.dateFormat = "yyyy-MM-dd HH:mm:ss"
    return formatter.string(from: Date(timeIntervalSince1970: Double(nanoseconds / nanosecondsPerSecond)))
  }

  /// From start to stop: `0.25 s`, `4 min 05 s`, `2 h 10 min`; "-" where one is not there.
  static func length(from start: String, to stop: String) -> String {
    guard let start = Int64(start), let stop = Int64(stop), start > 0, stop >= start else { return "-" }
    let seconds = Double(stop - start) / Double(nanosecondsPerSecond)
    switch seconds {
    case ..<10: return String(format: "%.2f s", seconds)
    case ..<60: return String(format: "%.1f s", seconds)
    case ..<3600: return String(format: "%d min %02d s", Int(seconds) / 60, Int(seconds) % 60)
    default: return String(format: "%d h %02d min", Int(seconds) / 3600, Int(seconds) % 3600 / 60)
    }
  }
}
