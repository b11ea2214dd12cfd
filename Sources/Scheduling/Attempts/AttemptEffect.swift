public import Protocol

/// What an agent does because of an event. Effects are carried out in order.
public enum AttemptEffect: Hashable, Sendable {
  public enum Signal: Hashable, Sendable {
    case terminate
    case kill
  }

  /// To the spool, before anything that follows is done.
  case record(SpoolRecord)
  /// Make the process; answered at once by `processStarted` or `spawnFailed`.
  case spawn(ToAgent.Start)
  /// To all processes of the attempt.
  case signal(Fence, Signal)
  /// A message that waits for nothing. Only while the agent is welcome somewhere.
  case send(ToCoordinator)
  /// The list that follows a welcome. One that ended and whose output is not sent yet is to be listed as
  /// `ending`; its end goes out after its output.
  case list([ToCoordinator.Held])
  /// `ended` or `handedBack`, to be sent once the attempt's kept output has been.
  case announce(Fence, ToCoordinator)
  /// The end is known to the coordinator: what is kept of its output may go.
  case forgetOutput(Fence)
  /// Nothing has come for too long: the connection is to be made anew.
  case reconnect(reason: String)
  /// Nothing runs any more: say goodbye and exit.
  case leave
}

/// A line of the agent's spool. What is read back by the next start tells which attempts this one left.
public enum SpoolRecord: Hashable, Sendable {
  /// Written before the fork, with how long it may run on unheard of.
  case started(Fence, TaskLease)
  /// Written before the end is told. (In a box: the others are as large as the largest.)
  indirect case ended(Fence, AttemptResult)
  case acknowledged(Fence)
}
