# dist/: compiled from src, hsm and emulator.

build_failed_code=13

# What dist must have been made from.
sources_fingerprint() {
  { find src hsm emulator -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
    sha256sum tsconfig.json scripts/tsconfig.build.json package-lock.json; } | sha256sum
}

build_is_current() {
  [[ -f dist/.made-from && $(<dist/.made-from) == "$(sources_fingerprint)" ]]
}

# Compiles beside the old result and then takes its place: a running server never sees half of it.
build() {
  local fresh="dist.$$" fingerprint result=0
  fingerprint=$(sources_fingerprint)
  rm -rf "$fresh"
  node_modules/.bin/tsc -p scripts/tsconfig.build.json --outDir "$fresh" || result=1
  # The browser's code knows no Node and Node's no browser: each has its own compilation.
  node_modules/.bin/tsc -p emulator/page/client --outDir "$fresh" || result=1
  find src hsm emulator -type f ! -name '*.ts' ! -name 'tsconfig.json' \
    -exec cp --parents -t "$fresh" {} +
  chmod -f +x "$fresh/src/cli/main.js" "$fresh/emulator/cli/main.js" "$fresh/src/agent/main.js" || true
  [[ $result -ne 0 ]] || printf '%s\n' "$fingerprint" >"$fresh/.made-from"
  rm -rf "dist.old.$$"
  [[ ! -e dist ]] || mv dist "dist.old.$$"
  mv "$fresh" dist
  rm -rf "dist.old.$$"
  return "$result"
}

build_if_outdated() {
  build_is_current && return 0
  say "Compiling"
  build || die "$build_failed_code" "The sources do not compile; the compiler's reasons are above."
}
