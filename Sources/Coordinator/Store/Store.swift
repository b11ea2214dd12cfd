import Protocol

/// Where the Engine keeps what must outlive it. One thread at a time; one coordinator at a time.
///
/// `StoreConformance` in the tests is what every store must do.
protocol Store: AnyObject, Sendable {
  /// Counts the epoch up, commits that, and answers all that is not final. Called once, first.
  func open() throws(StoreFault) -> StoredState

  /// All of it or none; on stable storage when this returns. After a fault nothing that was handled since
  /// the last commit may become known to anyone.
  func commit(_ commit: Commit) throws(StoreFault)

  /// Any run, final or not; nil: there is none of that number.
  func load(run: RunID) throws(StoreFault) -> StoredRun?

  /// To be called between batches, when nobody waits for an answer: does what may take some milliseconds.
  func tidy() throws(StoreFault)
}
