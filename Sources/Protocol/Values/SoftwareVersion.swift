/// This build's version, for people: semantic versioning over the REST API, the agent protocol and the
/// programs' flags.
public let softwareVersion = "0.1.0"
