import HTTP

/// What a route lets its caller do, and what a token may be good for.
enum Scope: Sendable {
  /// Nobody is asked who they are.
  case open
  /// Sees everything.
  case read
  /// Submits and steers runs.
  case submit
  /// Steers agents too.
  case admin
}

/// Who may call.
struct Access: Sendable {
  struct Token: Sendable {
    var secret: [UInt8]
    var scopes: Set<Scope>
  }

  /// nil: everybody may do everything (`--no-auth`, on loopback only).
  private let tokens: [Token]?

  static let open = Access(tokens: nil)

  /// This one token opens everything; without a file's line end.
  static func token(_ secret: String) -> Access {
    Access(tokens: [Token(secret: Array(secret.utf8), scopes: [.read, .submit, .admin])])
  }

  init(tokens: [Token]?) { self.tokens = tokens }

  /// Whether callers are told apart at all.
  var isOpenToEverybody: Bool { tokens == nil }

  /// nil: come in. Tokens are taken from `Authorization: Bearer …` (RFC 6750).
  func refusal(of head: Request, wanting scope: Scope) -> Problem? {
    guard let tokens, scope != .open else { return nil }
    guard let shown = Self.bearer(head) else {
      return Problem(
        401,
        "this needs a token: send 'Authorization: Bearer TOKEN', with the token from DATA-DIR/admin.token",
        headers: [("WWW-Authenticate", "Bearer realm=\"caravan\"")])
    }
    // All are compared, so that the time says nothing about which was near.
    var scopes: Set<Scope>?
    for token in tokens where Self.isEqual(token.secret, shown) { scopes = token.scopes }
    guard let scopes else {
      return Problem(
        401, "the token is not known here; the right one is in the coordinator's DATA-DIR/admin.token",
        headers: [("WWW-Authenticate", "Bearer realm=\"caravan\", error=\"invalid_token\"")])
    }
    if scopes.contains(scope) { return nil }
    return Problem(
      403, "this token is not good for that: it lacks the scope \(scope)",
      headers: [("WWW-Authenticate", "Bearer realm=\"caravan\", error=\"insufficient_scope\"")])
  }

  private static func bearer(_ head: Request) -> [UInt8]? {
    guard let value = head.header("authorization") else { return nil }
    let parts = value.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
    return Array(parts[1].drop { $0 == " " }.utf8)
  }

  /// Takes the same time wherever two secrets differ, so that none can be guessed byte by byte.
  static func isEqual(_ secret: [UInt8], _ shown: [UInt8]) -> Bool {
    var difference = UInt8(secret.count == shown.count ? 0 : 1)
    for at in secret.indices { difference |= secret[at] ^ (at < shown.count ? shown[at] : 0) }
    return difference == 0 && !secret.isEmpty
  }
}
