# Packages of the distribution: which are missing, and their installation on Debian.

packages_missing_code=11
missing_packages=()

# need PACKAGE CHECK...: notes PACKAGE as missing unless the command CHECK succeeds.
need() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing_packages+=("$package")
}

has_command() {
  command -v "$1"
}

has_any_file() {
  compgen -G "$1"
}

need_for_modules() {
  need build-essential has_command c++
  need build-essential has_command make
  need python3 has_command python3
}

need_for_product() {
  need softhsm2 has_command softhsm2-util
  need opensc has_command pkcs11-tool
  need curl has_command curl
}

need_for_tests() {
  need postgresql has_any_file '/usr/lib/postgresql/*/bin/initdb'
  need oathtool has_command oathtool
  # Programs that judge the SOAP interface from outside.
  need php-cli has_command php
  need php-soap php -r 'exit(class_exists("SoapClient") ? 0 : 1);'
  need python3-zeep /usr/bin/python3 -c 'import zeep'
  # Judge the key files that are written.
  need pskctool has_command pskctool
  need pskc-utils has_command pskc2csv
  # Signs on as any program of PAM does.
  need pamtester has_command pamtester
  # Shows the pages, as people see them.
  need chromium has_command chromium
}

is_debian() {
  [[ -r /etc/os-release ]] && command -v apt-get >/dev/null 2>&1 &&
    (. /etc/os-release && [[ " ${ID:-} ${ID_LIKE:-} " == *' debian '* ]])
}

# as_root COMMAND...: directly, or by sudo: with a prompt only where somebody can answer it.
as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif [[ -t 0 && ${CI:-} != true ]]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

install_missing_packages() {
  [[ ${#missing_packages[@]} -gt 0 ]] || return 0
  local -a wanted
  mapfile -t wanted < <(printf '%s\n' "${missing_packages[@]}" | sort -u)
  is_debian ||
    die "$packages_missing_code" "Missing (by their Debian names): ${wanted[*]}." \
      "This is not Debian: install their equivalents, then run this again."
  [[ $EUID -eq 0 ]] || command -v sudo >/dev/null 2>&1 ||
    die "$packages_missing_code" "Missing packages: ${wanted[*]}." \
      "Run as root: apt-get install ${wanted[*]}"
  say "Installing ${wanted[*]}"
  if ! apt_install "${wanted[@]}"; then
    die "$packages_missing_code" "apt-get could not install ${wanted[*]}; its reason is above."
  fi
}

apt_install() {
  apt_get update -qq || warn "apt-get update failed; trying with the package lists at hand."
  if [[ " $* " == *' postgresql '* ]]; then
    # Only the programs are wanted: the tests run a server of their own in a throw-away folder.
    local refusal=/etc/postgresql-common/createcluster.d/tallystick.conf
    apt_get install postgresql-common || return 1
    as_root mkdir -p "${refusal%/*}"
    as_root sh -c 'echo "create_main_cluster = false" >"$1"' sh "$refusal"
    apt_get install "$@"
    local result=$?
    as_root rm -f "$refusal"
    return "$result"
  fi
  apt_get install "$@"
}

apt_get() {
  local verb=$1
  shift
  as_root env DEBIAN_FRONTEND=noninteractive apt-get "$verb" -y -qq --no-install-recommends \
    -o DPkg::Lock::Timeout=120 "$@" >/dev/null
}
