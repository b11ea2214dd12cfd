# Sourced by the other scripts: puts a Swift 6 toolchain on PATH, or says how to get one and fails.

find_swift() {
  if ! command -v swift >/dev/null 2>&1 && [ -x /opt/swift/usr/bin/swift ]; then
    PATH="/opt/swift/usr/bin:$PATH"
    export PATH
  fi
  if ! command -v swift >/dev/null 2>&1; then
    echo "No Swift toolchain on PATH or in /opt/swift/usr/bin." >&2
    echo "Get Swift 6.2 or newer for this system from https://www.swift.org/install/linux/," >&2
    echo "unpack it to /opt/swift (or put its usr/bin on PATH) and start this again." >&2
    return 1
  fi
  local version
  version=$(swift --version 2>/dev/null | sed -n 's/^.*Swift version \([0-9][0-9.]*\).*$/\1/p' | head -n 1)
  case "$version" in
    6.[2-9]* | 6.[1-9][0-9]* | [7-9].* | [1-9][0-9].*) ;;
    *)
      echo "Caravan needs Swift 6.2 or newer; $(command -v swift) is ${version:-of a version it does not say}." >&2
      return 1
      ;;
  esac
}
