# Node, npm and the packages of package-lock.json.

node_missing_code=10
modules_failed_code=12

# Ends with a message unless a Node that can run this is in PATH, with npm.
require_node() {
  local advice="Tallystick needs Node 20.19 or newer, with npm (https://nodejs.org/en/download)."
  command -v node >/dev/null 2>&1 ||
    die "$node_missing_code" "There is no 'node' in PATH. $advice"
  local version
  version=$(node -p 'process.versions.node' 2>/dev/null) || version=unknown
  node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1);
  ' 2>/dev/null || die "$node_missing_code" "The 'node' in PATH is version $version. $advice"
  command -v npm >/dev/null 2>&1 ||
    die "$node_missing_code" "There is Node $version but no 'npm' in PATH. $advice"
}

# Lets native packages be compiled against the headers of the running Node, if they came with it,
# instead of fetching them.
use_own_headers() {
  local prefix
  prefix=$(node -p 'require("node:path").resolve(process.execPath, "../..")')
  local header="$prefix/include/node/node_version.h"
  [[ -r $header ]] || return 0
  local found
  found=$(awk '/^#define NODE_(MAJOR|MINOR|PATCH)_VERSION/ { v = v s $3; s = "." } END { print v }' \
    "$header")
  if [[ $found == "$(node -p 'process.versions.node')" ]]; then
    export npm_config_nodedir=$prefix
  fi
}

# What node_modules must have been made from: the lockfile and the Node it was compiled for.
modules_fingerprint() {
  { sha256sum <package-lock.json; node -p '[process.version, process.arch].join()'; } | sha256sum
}

modules_are_current() {
  [[ -f node_modules/.made-from && $(<node_modules/.made-from) == "$(modules_fingerprint)" ]]
}

install_modules() {
  modules_are_current && return 0
  use_own_headers
  say "Installing the packages of package-lock.json and compiling the native ones (a minute or two)"
  # Compiled here rather than fetched ready-made from a place the lockfile knows no hash of; but only
  # those that package.json allows a script, a list that npm 10 and older would pay no heed to.
  local scripted
  scripted=$(node -p '
    const { allowScripts } = JSON.parse(require("node:fs").readFileSync("package.json", "utf8"));
    Object.keys(allowScripts).filter((name) => allowScripts[name]).join(" ");
  ')
  { npm ci --ignore-scripts --no-progress --loglevel=error &&
    npm_config_build_from_source=true npm rebuild --loglevel=error $scripted >/dev/null; } ||
    die "$modules_failed_code" "npm ci failed; what it needs is above."
  modules_fingerprint >node_modules/.made-from
}
