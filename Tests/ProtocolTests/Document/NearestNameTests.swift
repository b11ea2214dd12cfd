import Protocol
import Testing

@Suite struct NearestNameTests {
  @Test(arguments: [
    ("triming", "trimming"), ("chidlren", "children"), ("Fetch", "fetch"), ("fetc", "fetch"),
  ])
  func `a slip of the hand finds what was meant`(wrong: String, right: String) {
    #expect(NearestName.of(wrong, among: ["fetch", "trimming", "children", "align"]) == right)
  }

  @Test func `what is far from all names gets no guess`() {
    #expect(NearestName.of("nobody", among: ["fetch", "trimming"]) == nil)
    #expect(NearestName.of("", among: ["a", "b"]) == nil)
    #expect(NearestName.of(String(repeating: "x", count: 5000), among: ["x"]) == nil)
  }
}
