# Messages of the scripts: progress on standard output, troubles on standard error.

say() {
  printf '%s\n' "$*"
}

warn() {
  printf '%s\n' "$*" >&2
}

# die CODE TEXT...: ends the script.
die() {
  local code=$1
  shift
  warn "$*"
  exit "$code"
}
