import Protocol
import System

// Output that is still to be sent, for the same agent's next program: where each stream is, and what only memory holds.
extension OutputPump {
  /// After `disconnected`, which puts into files what a disk takes.
  func handOver(to writer: inout JSONWriter) {
    writer.array { writer in
      for fence in fences {
        guard let output = output(fence) else { continue }
        writer.object { writer in
          writer.member("fence", fence.value)
          writer.member("isEnded", output.isEnded)
          for stream in OutputStream.allCases {
            writer.member(stream.name) { output.stream(stream).handOver(to: &$0) }
          }
        }
      }
    }
  }

  func takeOver(_ reader: inout JSONReader) throws(JSONFault) {
    try reader.array { (reader, _) throws(JSONFault) in
      var fence = Fence(0)
      var isEnded = false
      var streams: [OutputStream: KeptStream.HandedOver] = [:]
      try reader.object { (reader, name) throws(JSONFault) in
        switch reader.string(name) {
        case "fence": fence = Fence(try reader.integer())
        case "isEnded": isEnded = try reader.boolean()
        case "stdout": streams[.stdout] = try KeptStream.HandedOver(reading: &reader)
        case "stderr": streams[.stderr] = try KeptStream.HandedOver(reading: &reader)
        default: try reader.skip()
        }
      }
      restore(AttemptOutput(fence, in: folder, isEnded: isEnded, takingOver: streams))
    }
  }
}

extension KeptStream {
  struct HandedOver {
    var total: Int64 = 0
    var acknowledged: Int64 = 0
    var isEnded = false
    /// nil: there is none.
    var file: KeptFileName?
    var memory: [UInt8] = []
    var fault = ""
    var lostUpTo: Int64 = 0

    init(reading reader: inout JSONReader) throws(JSONFault) {
      try reader.object { (reader, name) throws(JSONFault) in
        switch reader.string(name) {
        case "total": total = try reader.integer()
        case "acknowledged": acknowledged = try reader.integer()
        case "isEnded": isEnded = try reader.boolean()
        case "file": file = KeptFileName(try reader.string())
        case "memory":
          if case .output(_, _, _, let bytes) = try ToCoordinator(reading: &reader) { memory = bytes }
        case "fault": fault = try reader.string()
        case "lostUpTo": lostUpTo = try reader.integer()
        default: try reader.skip()
        }
      }
    }
  }

  fileprivate func handOver(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("total", total)
      writer.member("acknowledged", acknowledged)
      writer.member("isEnded", isEnded)
      if let file { writer.member("file", file.name.text) }
      if !memory.isEmpty {
        writer.name("memory")
        // Bytes as the wire has them.
        ToCoordinator.output(fence, stream, offset: acknowledged, memory).write(to: &writer)
      }
      if let fault { writer.member("fault", fault.message) }
      writer.member("lostUpTo", lostUpTo)
    }
  }
}
