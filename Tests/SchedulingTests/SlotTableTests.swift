import Protocol
import Scheduling
import Testing

@Suite struct SlotTableTests {
  @Test func `it knows what a dictionary would know, whatever is added and taken out`() {
    var random = SplitMix(state: 1)
    for round in 0..<200 {
      var table = SlotTable()
      var model: [Int64: Int32] = [:]
      // Few keys for many steps, so that they are taken out and come again; some are neighbours, some alike in
      // their lower bits.
      let keys = (0..<random.below(60) + 1).map { i in
        round % 2 == 0 ? Int64(i) : Int64(random.below(50)) << 40 | Int64(random.below(3))
      }
      for step in 0..<400 {
        let key = keys[random.below(keys.count)]
        let slot = random.below(2) == 0 ? Int32(step) : nil
        table[key] = slot
        model[key] = slot
        #expect(table.count == model.count)
      }
      for key in keys { #expect(table[key] == model[key]) }
    }
  }
}
