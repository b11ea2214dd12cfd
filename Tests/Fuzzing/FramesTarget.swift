import Protocol

// What arrives at a socket, cut anywhere: the first byte says how. Each payload is read as messages of either side.

/// What holds of any bytes: they come out the same however they are cut, and what is understood is understood again
/// when it is written again.
private func take(_ cut: Int, _ bytes: ArraySlice<UInt8>) {
  var whole = FrameDecoder(payloadLimit: 4096)
  whole.append(bytes)
  var parts = FrameDecoder(payloadLimit: 4096)
  var payloads: [[UInt8]] = []
  var fault: FrameFault?
  var at = bytes.startIndex
  repeat {
    let end = min(bytes.endIndex, at + cut)
    parts.append(bytes[at..<end])
    at = end
    do throws(FrameFault) { while let payload = try parts.next() { payloads.append(payload) } } catch {
      fault = error
    }
  } while at < bytes.endIndex
  var number = 0
  do throws(FrameFault) {
    while let payload = try whole.next() {
      check(number < payloads.count && payloads[number] == payload, "a frame depends on how it is cut")
      number += 1
      understand(payload, as: ToAgent.self)
      understand(payload, as: ToCoordinator.self)
    }
    check(fault == nil, "a fault depends on how frames are cut")
  } catch {
    check(fault == error, "a fault depends on how frames are cut")
  }
  check(number == payloads.count, "there are as many frames however they are cut")
}

private func understand<Message: WireMessage>(_ payload: [UInt8], as _: Message.Type) {
  let messages: [Message]
  do throws(FrameFault) { messages = try FramePayload.messages(payload) } catch {
    check(!error.message.isEmpty, "a fault says nothing")
    return
  }
  let first = written(messages)
  do throws(FrameFault) {
    let again: [Message] = try FramePayload.messages(first)
    check(written(again) == first, "a message changes when it is written and read")
  } catch {
    check(false, "what was written is not understood: \(error.message)")
  }
}

private func written(_ messages: [some WireMessage]) -> [UInt8] {
  var writer = JSONWriter()
  writer.array { writer in for message in messages { message.write(to: &writer) } }
  return writer.take()
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  guard let first = bytes.first else { return 0 }
  take(Int(first) + 1, bytes.dropFirst())
  // And without a header, which few inputs have right.
  understand(bytes, as: ToAgent.self)
  understand(bytes, as: ToCoordinator.self)
  return 0
}
