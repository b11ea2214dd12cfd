/// Ends the process where something does not hold: libFuzzer keeps the input then.
func check(_ holds: Bool, _ words: @autoclosure () -> String) {
  if !holds { fatalError(words()) }
}
