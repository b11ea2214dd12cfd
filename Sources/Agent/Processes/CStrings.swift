/// Strings as C takes them: one block of bytes and one of pointers into it, each ended as C expects.
struct CStrings: ~Copyable {
  private let bytes: UnsafeMutablePointer<CChar>
  private let pointers: UnsafeMutablePointer<UnsafePointer<CChar>?>

  init(_ strings: [String]) {
    let size = strings.reduce(0) { $0 + $1.utf8.count + 1 }
    bytes = .allocate(capacity: max(1, size))
    pointers = .allocate(capacity: strings.count + 1)
    var at = 0
    for (index, string) in strings.enumerated() {
      pointers[index] = UnsafePointer(bytes + at)
      var string = string
      at += string.withUTF8 { utf8 in
        if let first = utf8.baseAddress {
          UnsafeMutableRawPointer(bytes + at).copyMemory(from: first, byteCount: utf8.count)
        }
        return utf8.count
      }
      bytes[at] = 0
      at += 1
    }
    pointers[strings.count] = nil
  }

  deinit {
    bytes.deallocate()
    pointers.deallocate()
  }

  /// Ends with nil; valid while this value is.
  var list: UnsafePointer<UnsafePointer<CChar>?> { UnsafePointer(pointers) }
}
