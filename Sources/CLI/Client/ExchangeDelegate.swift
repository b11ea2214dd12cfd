import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// What happens on one call, in order, handed from URLSession's thread to the one that waits.
///
/// `@unchecked Sendable`: `queue` is touched only while `condition` is held.
final class ExchangeEvents: @unchecked Sendable {
  enum Event {
    case head(status: Int)
    case bytes(Data)
    case ended((any Error)?)
  }
  private let condition = NSCondition()
  private var queue: [Event] = []

  func add(_ event: Event) {
    condition.lock()
    queue.append(event)
    condition.signal()
    condition.unlock()
  }

  func next() -> Event {
    condition.lock()
    defer { condition.unlock() }
    while queue.isEmpty { condition.wait() }
    return queue.removeFirst()
  }
}

/// Sorts URLSession's callbacks to the calls they belong to.
///
/// `@unchecked Sendable`: `calls` is touched only while `lock` is held.
final class ExchangeDelegate: NSObject, URLSessionDataDelegate, @unchecked Sendable {
  private let lock = NSLock()
  private var calls: [Int: ExchangeEvents] = [:]

  func events(of task: URLSessionTask) -> ExchangeEvents {
    let events = ExchangeEvents()
    lock.withLock { calls[task.taskIdentifier] = events }
    return events
  }

  private func events(_ task: URLSessionTask) -> ExchangeEvents? {
    lock.withLock { calls[task.taskIdentifier] }
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
  ) {
    events(dataTask)?.add(.head(status: (response as? HTTPURLResponse)?.statusCode ?? 0))
    completionHandler(.allow)
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    events(dataTask)?.add(.bytes(data))
  }

  func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    lock.withLock { calls.removeValue(forKey: task.taskIdentifier) }?.add(.ended(error))
  }

  /// A redirect is an answer like another: a token is not to be carried elsewhere.
  func urlSession(
    _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
    newRequest request: URLRequest, completionHandler: @escaping (URLRequest?) -> Void
  ) {
    completionHandler(nil)
  }
}
