import CMicrohttpd

// What the library calls, on its own threads. These are functions at file scope, outside of any actor: a
// closure written at the top level of a main.swift is bound to the main actor and traps on another thread,
// without a word from the compiler.

private func connection(of handle: OpaquePointer?) -> HTTPConnection {
  Unmanaged<HTTPConnection>.fromOpaque(caravan_mhd_socket_context(handle)).takeUnretainedValue()
}

func noteConnection(
  _ context: UnsafeMutableRawPointer?, _ handle: OpaquePointer?,
  _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_ConnectionNotificationCode
) {
  let core = Unmanaged<HTTPServerCore>.fromOpaque(context!).takeUnretainedValue()
  switch code {
  case .CONNECTION_NOTIFY_STARTED:
    let connection = HTTPConnection(core, handle: handle!)
    slot!.pointee = Unmanaged.passRetained(connection).toOpaque()
    core.opened(connection)
  case .CONNECTION_NOTIFY_CLOSED:
    let connection = Unmanaged<HTTPConnection>.fromOpaque(slot!.pointee!).takeRetainedValue()
    connection.closed()
    core.closed(connection)
  @unknown default: break
  }
}

func noteTarget(
  _ context: UnsafeMutableRawPointer?, _ uri: UnsafePointer<CChar>?, _ handle: OpaquePointer?
) -> UnsafeMutableRawPointer? {
  connection(of: handle).began(uri!)
  return nil
}

func noteCompletion(
  _ context: UnsafeMutableRawPointer?, _ handle: OpaquePointer?,
  _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_RequestTerminationCode
) {
  connection(of: handle).completed()
  Unmanaged<HTTPServerCore>.fromOpaque(context!).takeUnretainedValue().completed()
}

func advanceRequest(
  _ context: UnsafeMutableRawPointer?, _ handle: OpaquePointer?, _ url: UnsafePointer<CChar>?,
  _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ upload: UnsafePointer<CChar>?,
  _ uploadSize: UnsafeMutablePointer<Int>?, _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
  let bytes = UnsafeRawBufferPointer(start: upload, count: uploadSize!.pointee)
  uploadSize!.pointee = 0
  return connection(of: handle).advance(method: method!, upload: bytes)
}

/// `context` is the array of headers to add to.
func collectHeader(
  _ context: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?, _ nameSize: Int,
  _ value: UnsafePointer<CChar>?, _ valueSize: Int
) -> MHD_Result {
  let headers = context!.assumingMemoryBound(to: [(name: String, value: String)].self)
  let name = String(decoding: UnsafeRawBufferPointer(start: name, count: nameSize), as: UTF8.self)
  let value = String(decoding: UnsafeRawBufferPointer(start: value, count: valueSize), as: UTF8.self)
  headers.pointee.append((name.lowercased(), value))
  return .YES
}

func fillFromSource(
  _ context: UnsafeMutableRawPointer?, _ offset: UInt64, _ buffer: UnsafeMutablePointer<CChar>?, _ room: Int
) -> Int {
  Unmanaged<BodyFeed>.fromOpaque(context!).takeUnretainedValue().fill(buffer!, room: room)
}

func releaseSource(_ context: UnsafeMutableRawPointer?) {
  Unmanaged<BodyFeed>.fromOpaque(context!).takeRetainedValue().close()
}

func fillFromBytes(
  _ context: UnsafeMutableRawPointer?, _ offset: UInt64, _ buffer: UnsafeMutablePointer<CChar>?, _ room: Int
) -> Int {
  Unmanaged<BytesFeed>.fromOpaque(context!).takeUnretainedValue().fill(buffer!, at: Int(offset), room: room)
}

func releaseBytes(_ context: UnsafeMutableRawPointer?) {
  Unmanaged<BytesFeed>.fromOpaque(context!).release()
}
