import Glibc
import Protocol
import System
import Testing

struct FilesTests {
  private let folder = "/tmp/caravan-files-" + Random.hex(bytes: 8)

  private func withFolder(_ body: () throws -> Void) throws {
    try Files.makeDirectory(folder)
    defer {
      for name in (try? Files.names(in: folder)) ?? [] { unlink(folder + "/" + name) }
      rmdir(folder)
    }
    try body()
  }

  @Test func `a file is replaced as a whole and only its owner may read it`() throws {
    try withFolder {
      try Files.writeAtomically(Array("one".utf8), to: folder + "/a")
      try Files.writeAtomically(Array("two\n".utf8), to: folder + "/a")
      #expect(Files.line(folder + "/a") == "two")
      #expect(try Files.names(in: folder) == ["a"])
      var info = stat()
      #expect(stat(folder + "/a", &info) == 0 && info.st_mode & 0o777 == 0o600)
    }
  }

  @Test func `a lock is held once and told by its holder`() throws {
    try withFolder {
      let first = try LockFile(folder + "/lock", for: "the directory")
      do throws(SystemError) {
        _ = try LockFile(folder + "/lock", for: "the directory")
        Issue.record("it was locked twice")
      } catch {
        #expect(error.code == .locked)
        #expect(error.message == "the directory is in use by another process (pid \(getpid()))")
      }
      withExtendedLifetime(first) {}
    }
  }

  @Test func `a lock goes with its holder`() throws {
    try withFolder {
      for _ in 0..<2 { _ = try LockFile(folder + "/lock", for: "the directory") }
    }
  }

  @Test func `a file in the way of a directory is said to be`() throws {
    try withFolder {
      try Files.writeAtomically([], to: folder + "/file")
      do throws(SystemError) {
        try Files.makeDirectory(folder + "/file/below")
        Issue.record("a file became a directory")
      } catch {
        #expect(error.message.contains(folder + "/file"))
      }
    }
  }

  @Test func `what the host has is above zero and not more than the kernel counts`() throws {
    let capacity = HostFacts.capacity()
    #expect(
      capacity.milliCores > 0 && capacity.milliCores <= Int64(sysconf(Int32(_SC_NPROCESSORS_CONF))) * 1000)
    #expect(capacity.memoryMB > 0)
    #expect(try HostFacts.bootID().count == 36)
    #expect(!HostFacts.hostName.isEmpty)
  }

  @Test func `our own process is found in the table`() {
    #expect(ProcessTable.pids().contains(getpid()))
    #expect(ProcessTable.entry(getpid())?.parent == getppid())
    #expect(ProcessTable.entry(getpid())?.isZombie == false)
  }
}
