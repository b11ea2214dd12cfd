// Named places in the programs where scripts/torture can end them, hold them up or have something refused: before
// and after whatever a crash may come between. `Failpoint.stateCommitAfter.pass()` stands at such a place.
//
// They exist only where CARAVAN_FAILPOINTS is defined, which scripts/torture alone does, in a build folder of its
// own. In every other build a `Failpoint` is nothing, its name is not looked up, and a call is no instruction. (An
// enum of cases in that build too would leave their names in what is shipped.)

#if CARAVAN_FAILPOINTS

  /// A place by its name. What may be refused there is said by who calls `pass(or:)` or `fails`.
  ///
  /// To add one: a case here, a call there; scripts/torture finds both and says when it is never visited.
  public enum Failpoint: String, CaseIterable, Sendable {
    // MARK: Files and connections of both programs

    /// A small file is to be replaced (tokens, endpoints, an agent's identity and count of starts, its spool).
    case fileReplaceBefore = "file-replace-before"
    /// The new file is written and synced; the old one still has the name.
    case fileRenameBefore = "file-rename-before"
    case fileRenameAfter = "file-rename-after"
    /// Frames are to be written to a socket.
    case frameSendBefore = "frame-send-before"
    /// The socket has taken all of them.
    case frameSendAfter = "frame-send-after"
    /// Bytes have come and nobody has looked at them.
    case frameReceiveAfter = "frame-receive-after"

    /// Somebody wants to connect.
    case connectionTakeBefore = "connection-take-before"

    // MARK: The coordinator starts

    case directoryLockAfter = "directory-lock-after"
    case tokenMakeBefore = "token-make-before"
    case tokenMakeAfter = "token-make-after"
    /// Inside the transaction that brings a database to the newest schema, a step each.
    case schemaStepBefore = "schema-step-before"
    case schemaStepAfter = "schema-step-after"
    case schemaCommitAfter = "schema-commit-after"
    /// The epoch is counted up and not committed.
    case epochCommitBefore = "epoch-commit-before"
    case epochCommitAfter = "epoch-commit-after"
    case recoveryAgentsAfter = "recovery-agents-after"
    /// Between the loads of unfinished runs.
    case recoveryRunBefore = "recovery-run-before"
    case recoveryAfter = "recovery-after"
    /// Agents can connect; REST cannot.
    case agentsPortAfter = "agents-port-after"
    case endpointsWriteBefore = "endpoints-write-before"
    case endpointsWriteAfter = "endpoints-write-after"

    // MARK: The coordinator serves

    case stateCommitBefore = "state-commit-before"
    /// All rows are written, and the commit is next.
    case stateCommitWithin = "state-commit-within"
    /// It is on disk, and nobody was told. A failure here: the disk took it and said that it did not.
    case stateCommitAfter = "state-commit-after"
    case stateCheckpointBefore = "state-checkpoint-before"
    case stateCheckpointAfter = "state-checkpoint-after"
    case logsCommitBefore = "logs-commit-before"
    case logsCommitWithin = "logs-commit-within"
    case logsCommitAfter = "logs-commit-after"
    case logsCheckpointBefore = "logs-checkpoint-before"
    case logsCheckpointAfter = "logs-checkpoint-after"
    /// Logs are to be removed, or their room given back.
    case logsPruneBefore = "logs-prune-before"
    /// It is committed, and nobody was told.
    case logsPruneAfter = "logs-prune-after"
    /// A final run is wanted again and read back.
    case storedRunLoadBefore = "stored-run-load-before"
    case startSendBefore = "start-send-before"
    case revokeSendBefore = "revoke-send-before"
    case killSendBefore = "kill-send-before"
    case welcomeSendBefore = "welcome-send-before"
    case endsAcknowledgeBefore = "ends-acknowledge-before"
    /// Of each agent that a batch is told: some may have been told already.
    case agentTellBefore = "agent-tell-before"
    case agentsTellAfter = "agents-tell-after"
    /// It is committed and not answered.
    case submissionAnswerBefore = "submission-answer-before"
    case submissionAnswerAfter = "submission-answer-after"
    case commandAnswerBefore = "command-answer-before"
    case helloReceiveAfter = "hello-receive-after"
    case listPieceReceiveAfter = "list-piece-receive-after"
    case outputReceiveAfter = "output-receive-after"
    case endReceiveAfter = "end-receive-after"
    /// Output is committed, and its agent not told.
    case outputAcknowledgeBefore = "output-acknowledge-before"
    /// Output is committed, and the end that follows it not handed on.
    case endHandOnBefore = "end-hand-on-before"
    case connectionEndAfter = "connection-end-after"
    case generatorAskBefore = "generator-ask-before"
    case generatorReadBefore = "generator-read-before"
    case generatorExpandAfter = "generator-expand-after"
    case generatorJoinBefore = "generator-join-before"
    case generatorJoinAfter = "generator-join-after"

    // MARK: The coordinator stops

    case stopSignalAfter = "stop-signal-after"
    case stopPortsAfter = "stop-ports-after"
    case stopEngineAfter = "stop-engine-after"
    /// All is written; endpoints.json is still there.
    case stopLogsAfter = "stop-logs-after"

    // MARK: An agent starts

    case identityMakeBefore = "identity-make-before"
    case identityMakeAfter = "identity-make-after"
    case startCountBefore = "start-count-before"
    case startCountAfter = "start-count-after"
    case sweepBefore = "sweep-before"
    case sweepAfter = "sweep-after"
    case spoolReadAfter = "spool-read-after"
    /// The new spool holds what earlier ones left, and they are still there.
    case spoolBeginAfter = "spool-begin-after"
    case oldSpoolsRemoveAfter = "old-spools-remove-after"

    // MARK: An agent and its coordinator

    case linkStartBefore = "link-start-before"
    /// What the runner said is at the link, and not passed on.
    case linkPassBefore = "link-pass-before"
    /// What the runner left is ended, and not told.
    case runnerDeathTellBefore = "runner-death-tell-before"
    case dialBefore = "dial-before"
    case helloSendBefore = "hello-send-before"
    case helloSendAfter = "hello-send-after"
    case welcomeReceiveAfter = "welcome-receive-after"
    /// More of the list follows.
    case listPieceSendBefore = "list-piece-send-before"
    case listSendBefore = "list-send-before"
    case startReceiveAfter = "start-receive-after"
    case killReceiveAfter = "kill-receive-after"
    case startedTellBefore = "started-tell-before"
    case endTellBefore = "end-tell-before"
    case endsAcknowledgedAfter = "ends-acknowledged-after"
    /// The spool is written, and what was gathered not sent.
    case agentSpeakBefore = "agent-speak-before"

    // MARK: An agent's spool and processes

    case spoolAppendBefore = "spool-append-before"
    /// The half of it is written.
    case spoolAppendWithin = "spool-append-within"
    case spoolAppendAfter = "spool-append-after"
    case forkBefore = "fork-before"
    /// The process runs, and nobody here knows it.
    case forkAfter = "fork-after"
    case reapBefore = "reap-before"
    case reapAfter = "reap-after"
    /// Nothing is left of the attempt; its end is not recorded.
    case endRecordBefore = "end-record-before"
    case termSignalBefore = "term-signal-before"
    case killSignalBefore = "kill-signal-before"

    // MARK: Output at an agent

    case outputReadAfter = "output-read-after"
    case outputSendBefore = "output-send-before"
    case outputAcknowledgedAfter = "output-acknowledged-after"
    case keptFileOpenBefore = "kept-file-open-before"
    case keptFileWriteBefore = "kept-file-write-before"
    case keptFileWriteAfter = "kept-file-write-after"
    case keptFileReadBefore = "kept-file-read-before"
    case keptFileRemoveBefore = "kept-file-remove-before"

    // MARK: An agent's program is replaced

    /// All is written down for the next program.
    case takeoverBefore = "takeover-before"
    /// The next program knows all, and has done nothing.
    case takeoverAfter = "takeover-after"

    // MARK: An agent stops

    case agentStopAfter = "agent-stop-after"
    case goodbyeSendBefore = "goodbye-send-before"
    case spoolRemoveBefore = "spool-remove-before"
    case spoolRemoveAfter = "spool-remove-after"
  }

#else

  @dynamicMemberLookup @frozen
  public struct Failpoint: Sendable {
    @inlinable @inline(__always) init() {}
    @inlinable @inline(__always)
    public static subscript(dynamicMember name: StaticString) -> Failpoint { Failpoint() }
    /// The program is here.
    @inlinable @inline(__always) public func pass() {}
    /// The program is here: whether something is to be refused now.
    @inlinable @inline(__always) public func fails() -> Bool { false }
    /// The program is here, and `fault` is what may be refused.
    @inlinable @inline(__always)
    public func pass<Fault: Error>(or fault: @autoclosure () -> Fault) throws(Fault) {}
  }

#endif
