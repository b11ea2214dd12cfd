import Testing

@testable import Coordinator

@Suite struct ByteRangeTests {
  @Test(
    arguments: [
      ("bytes=0-0", 0..<1), ("bytes=2-4", 2..<5), ("Bytes=7-", 7..<10), ("bytes=0-99", 0..<10),
      ("bytes=-3", 7..<10), ("bytes=-99", 0..<10),
      ("bytes=3-99999999999999999999999", 3..<10), ("bytes=-99999999999999999999999", 0..<10),
    ] as [(String, Range<Int64>)])
  func `a range means bytes of the whole`(header: String, want: Range<Int64>) {
    #expect(ByteRange(header)?.resolved(in: 10) == want)
  }

  @Test(arguments: ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999999-"])
  func `a range beyond the end cannot be served`(header: String) {
    #expect(ByteRange(header) != nil && ByteRange(header)?.resolved(in: 10) == nil)
  }

  @Test(arguments: [
    "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=0-1,4-5", "lines=0-1", "bytes=+1-2",
    "bytes= 1-2",
  ])
  func `what is no range is as if it were not said`(header: String) { #expect(ByteRange(header) == nil) }

  @Test(
    arguments: [(1500, "1.5"), (1000, "1"), (0, "0"), (5, "0.005"), (-250, "-0.25"), (123_456, "123.456")]
      as [(Int64, String)])
  func `thousandths are written without needless zeros`(value: Int64, want: String) {
    #expect(decimal(value, places: 3) == want)
  }
}
