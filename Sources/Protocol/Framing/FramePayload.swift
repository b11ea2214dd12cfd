/// The messages of one frame's payload: one object, or an array of them.
public enum FramePayload {
  /// All messages, or a fault that says what is wrong with which byte; nothing of a bad frame is used.
  public static func messages<Message: WireMessage>(
    _ payload: [UInt8], as _: Message.Type = Message.self
  ) throws(FrameFault) -> [Message] {
    do throws(JSONFault) {
      return try payload.withUnsafeBufferPointer { (bytes) throws(JSONFault) -> [Message] in
        var reader = JSONReader(bytes)
        var messages: [Message] = []
        if try reader.peek() == .array {
          try reader.array { (reader, _) throws(JSONFault) in messages.append(try Message(reading: &reader)) }
        } else {
          messages.append(try Message(reading: &reader))
        }
        try reader.end()
        return messages
      }
    } catch {
      throw FrameFault(.malformed, "byte \(error.offset) of a frame: \(error.message)")
    }
  }
}
