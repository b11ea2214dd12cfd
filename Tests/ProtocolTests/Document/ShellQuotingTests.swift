import Protocol
import Testing

@Suite struct ShellQuotingTests {
  private func misplaced(_ script: String) -> [String] {
    Array(script.utf8).withUnsafeBufferPointer { ShellQuoting.misplaced(in: $0) }.map(\.name)
  }

  @Test(arguments: [
    "echo {{N}}", "echo {{N}}>out", "X={{N}} run", "cp /a/{{N}}/b.{{N}} .", "echo 'a' {{N}} \"b\"",
    "echo $(basename {{N}})", "echo \"$(basename {{N}})\"", "echo $((1+2)) {{N}}", "echo ${A:-b} {{N}}",
    "echo `date` {{N}}", "# comment\necho {{N}}", "echo a#b{{N}}", "echo $# {{N}}",
    "cat <<E\nx\nE\necho {{N}}",
    "cat <<-'E'\n\t$(x\n\tE\necho {{N}}", "cat <<A <<B\n1\nA\n2\nB\necho {{N}}", "echo \\\"{{N}}",
    "echo \"a\\\"b\" {{N}}", "case {{N}} in a) echo {{N}};; esac", "( echo {{N}} )", "echo \\'{{N}}\\'",
    "echo '{{.Names}}' {{N}}", "echo \"a\\{{N}}\" {{N}}", "cat <<< {{N}}", "echo {{N}} # a 'quote",
    "cat <<E\n$(date) `id` ${X}\nE\necho {{N}}", "echo \"${A:-$(id)}\" {{N}}",
    "echo \"a\\\\{{N}}",
  ])
  func `a parameter may stand where it is a word of its own`(script: String) {
    #expect(misplaced(script) == [], "\(script)")
  }

  @Test(arguments: [
    "echo '{{N}}'", "echo \"{{N}}\"", "echo \"a $X {{N}}\"", "echo `basename {{N}}`", "echo $(({{N}}+1))",
    "echo $(( (1+2)*{{N}} ))", "echo ${A:-{{N}}}", "echo ${A:-$(id {{N}})}", "# {{N}}", "echo a # {{N}}",
    "cat <<E\n{{N}}\nE", "cat <<'E'\n{{N}}\nE", "cat <<{{N}}\nx", "cat <<E\nfoo\\\nE\n{{N}}\nE\n",
    "cat <<-E\n\tx {{N}}\n\tE", "echo ${{N}}", "echo $'a\\'{{N}} '", "echo \"$(echo \"{{N}}\")\"",
    "echo \"$(case x in a) echo \"{{N}}\";; esac)\"", "echo \"$(ca\\\nse x in a) echo \"{{N}}\";; esac)\"",
    "cat <<E\n$(cat\nE\n){{N}}", "echo \"${A:-'}'{{N}}}\"", "cat <<A\n{{N}}\nA\necho",
    "echo $((echo ')' ); echo '{{N}}')",
  ])
  func `a parameter may not stand where quotes would not make it one word`(script: String) {
    #expect(misplaced(script) == ["N"], "\(script)")
  }

  @Test func `every misplaced parameter is named`() {
    #expect(misplaced("echo '{{A}}' {{B}} \"{{C}}\"") == ["A", "C"])
  }

  @Test func `a quote inside a value ends and begins the quoting`() {
    var out: [UInt8] = []
    let value = Array("it's $(id)".utf8)
    value.withUnsafeBufferPointer {
      ShellText.quote($0, into: &out)
      #expect(ShellText.quotedLength($0) == out.count)
    }
    #expect(String(decoding: out, as: UTF8.self) == #"'it'\''s $(id)'"#)
  }
}
