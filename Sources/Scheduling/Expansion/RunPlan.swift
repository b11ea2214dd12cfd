public import Protocol

/// A part of a run, checked and expanded as far as families: the submitted document, or what a generator
/// added. Immutable; families count within it.
///
/// Names and jobs are not unfolded: each is read from the document's text by its span when it is
/// dispatched or shown. 100,000 single tasks cost about 25 MB beside the text (half of it the Scheduler's
/// records); with a `Job` made for each it would be ten times that.
public final class RunPlan: Sendable {
  /// As sent, without BOM.
  public let document: [UInt8]
  public let tag: String
  public let labels: [DAGDocument.Label]
  public let graph: PlanGraph
  public let warnings: [Fault]
  public let taskCount: Int

  let context: JobContext
  /// Where each family's tasks begin, and behind the last the count of all.
  let firsts: [Int32]
  let adjacency: Adjacency
  private let names: [TextSpan]
  private let table: NameTable
  /// Where each family's job begins in the text; 0: it has none of its own.
  private let jobs: [UInt32]
  /// Where each family's axes begin in `axes`; empty where no family has any.
  private let axisStarts: [Int32]
  private let axes: [Int32]

  init(_ made: PlanParts) {
    document = made.document.text
    tag = made.document.tag
    labels = made.document.labels
    graph = made.graph
    warnings = made.warnings
    context = made.context
    firsts = made.firsts
    taskCount = Int(made.firsts.last ?? 0)
    adjacency = Adjacency(made.graph)
    names = made.document.tasks.map(\.name)
    table = made.table
    jobs = made.document.tasks.map(\.job)
    axisStarts = made.axes.isEmpty ? [] : made.axisStarts
    axes = made.axes
  }

  public var familyCount: Int { graph.families.count }

  public func familyName(_ local: Int32) -> String {
    document.withUnsafeBufferPointer { names[Int(local)].string(in: $0) }
  }

  /// The family of that written name.
  public func find(_ name: UnsafeBufferPointer<UInt8>) -> Int32? {
    document.withUnsafeBufferPointer { text in
      table.find(name) { number in names[Int(number)].withBytes(in: text) { $0.elementsEqual(name) } }
    }
  }

  func nameOffset(_ local: Int32) -> Int { names[Int(local)].quoteOffset }

  func withName<R>(_ local: Int32, _ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    document.withUnsafeBufferPointer { names[Int(local)].withBytes(in: $0, body) }
  }

  /// The job of one task: read from the text, jobDefaults filled in, parameters put in.
  public func job(family: Int32, ordinal: Int32) -> Job {
    document.withUnsafeBufferPointer { text in
      let range =
        axisStarts.isEmpty ? 0..<0 : Int(axisStarts[Int(family)])..<Int(axisStarts[Int(family) + 1])
      return context.job(
        Self.template(at: jobs[Int(family)], in: text), in: text, axes: axes[range], ordinal: Int(ordinal))
    }
  }

  /// Reads a job that was checked before.
  static func template(at offset: UInt32, in text: UnsafeBufferPointer<UInt8>) -> JobTemplate {
    if offset == 0 { return JobTemplate() }
    var reader = JSONReader(text, from: Int(offset))
    var faults = FaultList()
    do throws(JSONFault) {
      return try JobReader.read(&reader, &faults) { "" }
    } catch {
      preconditionFailure("a job that was read before is no JSON now: \(error.message) at \(error.offset)")
    }
  }

  /// All labels as a JSON object's text.
  public var labelsJSON: String {
    var writer = JSONWriter()
    writer.object { writer in
      for label in labels { writer.member(label.name, label.value) }
    }
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

/// What a check hands over to the plan it makes.
struct PlanParts {
  var document: DAGDocument
  var context: JobContext
  var graph: PlanGraph
  var firsts: [Int32]
  var table: NameTable
  var axisStarts: [Int32]
  var axes: [Int32]
  var warnings: [Fault]
}
