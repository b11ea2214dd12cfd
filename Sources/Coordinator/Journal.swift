import Glibc

/// One line on stderr for each event that an operator would want to know; systemd adds the time.
enum Journal {
  static func say(_ message: String) {
    let line = "caravan-coordinator: \(message)\n"
    _ = line.utf8.withContiguousStorageIfAvailable { write(2, $0.baseAddress, $0.count) }
  }
}
