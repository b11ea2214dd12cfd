import Protocol
import Scheduling

/// The main process of an attempt, as its host has it; what it will do is drawn when it is made.
struct HostProcess {
  /// Never given twice on a host.
  var number: Int32
  var fence: Fence
  /// Its place in the oracle's list.
  var attempt: Int
  var needs: ResourceVector
  var lease: TaskLease
  var how = ProcessEnd.How.exit(code: 0)
  /// What it does at SIGTERM: nil, nothing.
  var answerToTerm: ProcessEnd.How?
  var hasSeenTerm = false
  /// Its program cannot be executed: unless it is killed before, that is how it ends.
  var isUnborn = false
  /// It has ended, and its agent has not taken note yet.
  var isZombie = false
  /// Its agent's process is gone, and it is still there.
  var isOrphan = false
  /// Bytes that it prints at each of so many moments, and what its agent has of it.
  var pieceBytes: Int64 = 0
  var piecesLeft = 0
  var printed: Int64 = 0
}

/// What an agent keeps of an attempt's output until the coordinator has it: `AttemptOutput` and `KeptStream`
/// of one stream, bytes counted only.
struct KeptOutput {
  /// What may be under way unacknowledged, and what goes into one message: as `FrameLimits` and `OutputPump`
  /// have them, made small so that bounds are met.
  static let window: Int64 = 96
  static let chunk: Int64 = 40

  var fence: Fence
  var total: Int64 = 0
  var sent: Int64 = 0
  var acknowledged: Int64 = 0
  var isEnded = false
  /// It is in a file, from that byte on: a later start finds it.
  var fileFrom: Int64?
  /// With its end it went into the spool, from that byte on: so does a later start.
  var spooledFrom: Int64 = 0
  /// To be sent behind the output.
  var waitingEnd: ToCoordinator?

  var hasMore: Bool {
    @inline(__always) get { sent < total }
  }
  var isDelivered: Bool {
    @inline(__always) get { isEnded && sent == total }
  }
  var isAcknowledged: Bool {
    @inline(__always) get { isEnded && acknowledged == total }
  }

  mutating func end() {
    isEnded = true
    spooledFrom = acknowledged
  }

  mutating func moveToFile() {
    if fileFrom == nil, total > acknowledged { fileFrom = acknowledged }
  }

  mutating func acknowledge(_ offset: Int64) {
    acknowledged = max(acknowledged, min(offset, sent))
    if acknowledged == total { fileFrom = nil }
  }
}
