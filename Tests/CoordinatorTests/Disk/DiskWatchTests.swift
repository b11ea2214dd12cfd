import Foundation
import Protocol
import Scheduling
import System
import Testing

@testable import Coordinator

/// When the disk counts as full, and what becomes of the ballast.
@Suite struct DiskWatchTests {
  private let folder = TemporaryDirectory()
  /// What the file system is said to have free.
  private let free = Monitor<Int64?>(1 << 40)
  private let told = Monitor([Bool]())
  private static let megabyte: Int64 = 1 << 20

  private func watch(ballastMB: Int64 = 4) throws -> DiskWatch {
    let free = free
    var limits = DiskLimits()
    limits.interval = .milliseconds(5)
    return DiskWatch(
      try DataDirectory(folder.path), ballastBytes: ballastMB << 20, limits: limits,
      free: { free.with { $0 } })
  }

  private func set(_ megabytes: Int64) { free.with { $0 = megabytes << 20 } }

  private var ballast: Int64 {
    (try? FileManager.default.attributesOfItem(atPath: folder.file("ballast"))[.size] as? Int64) ?? 0
  }

  @Test func `with little room it is low until the reserve, a margin and the ballast fit again`() throws {
    let watch = try watch()
    #expect(ballast == 4 * Self.megabyte && !watch.isLow && watch.refusal() == nil)
    set(63)
    watch.look()
    #expect(watch.isLow && ballast == 4 * Self.megabyte, "there is room left beside it")
    set(15)
    watch.look()
    #expect(ballast == 0)
    for megabytes: Int64 in [64, 79, 83] {
      set(megabytes)
      watch.look()
      #expect(watch.isLow && ballast == 0, "\(megabytes) MiB")
    }
    set(84)
    watch.look()
    #expect(!watch.isLow && ballast == 4 * Self.megabyte)
  }

  @Test func `a refusal says how much is free, how much is wanted and that a restart is not`() throws {
    let watch = try watch()
    set(7)
    let refusal = try #require(watch.refusal())
    #expect(refusal.kind == .diskFull)
    for words in [folder.path, "7 MiB free", "84 MiB are wanted", "free some space", "no restart"] {
      #expect(refusal.message.contains(words), "\(refusal.message)")
    }
  }

  @Test func `a document that would eat the reserve is refused, a small one is not`() throws {
    let watch = try watch()
    set(70)
    #expect(watch.refusal(forDocument: 1 << 20) == nil)
    #expect(watch.refusal(forDocument: 4 << 20)?.message.contains("72 MiB are wanted") == true)
    #expect(!watch.isLow)
  }

  @Test func `a write that is refused gives the ballast up, whatever the file system says`() throws {
    let watch = try watch()
    watch.writeWasRefused()
    #expect(watch.isLow && ballast == 0)
    watch.look()
    #expect(watch.isLow, "it is still refused")
    watch.writeWasTaken()
    watch.look()
    #expect(!watch.isLow && ballast == 4 * Self.megabyte)
  }

  @Test func `the beginning and the end are told once each, by the watch's own thread`() throws {
    let watch = try watch()
    let told = told
    watch.begin { isLow in told.signal { $0.append(isLow) } }
    set(3)
    #expect(told.wait(upTo: .seconds(60), until: { $0.count >= 1 }, { $0 }) == [true])
    set(1000)
    #expect(told.wait(upTo: .seconds(60), until: { $0.count >= 2 }, { $0 }) == [true, false])
    watch.stop()
    #expect(told.with { $0 } == [true, false])
  }

  @Test func `what begins before anybody listens is told at once`() throws {
    set(3)
    let watch = try watch()
    let told = told
    watch.begin { isLow in told.with { $0.append(isLow) } }
    #expect(told.with { $0 } == [true])
    watch.stop()
  }

  @Test func `ballast of an earlier start is taken over, and made anew where another size is wanted`() throws
  {
    _ = try watch(ballastMB: 3)
    #expect(ballast == 3 * Self.megabyte)
    _ = try watch(ballastMB: 5)
    #expect(ballast == 5 * Self.megabyte)
    _ = try watch(ballastMB: 0)
    #expect(!FileManager.default.fileExists(atPath: folder.file("ballast")))
  }

  @Test func `a start on a full disk has the ballast's room`() throws {
    _ = try watch()
    set(0)
    let watch = try watch()
    #expect(watch.isLow && ballast == 0)
  }

  @Test func `a file system that does not tell its room is roomy`() throws {
    free.with { $0 = nil }
    let watch = try watch()
    #expect(!watch.isLow && watch.refusal() == nil)
  }
}
