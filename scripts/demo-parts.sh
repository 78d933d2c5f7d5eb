# The parts of ./scripts/demo: how it shows what it does, and how it checks it.

server_missing_code=9
checks=0
output=

tallystick() {
  node dist/src/cli/main.js "$@"
}

vtoken() {
  node dist/emulator/cli/main.js "$@"
}

chapter() {
  printf '\n== %s\n' "$1"
}

say_text() {
  printf '\n%s\n' "$1"
}

# What is run, as a person would type it.
show_command() {
  printf '$'
  printf ' %s' "$@"
  printf '\n'
}

not_as_expected() {
  printf 'NOT AS EXPECTED: %s\n' "$1" >&2
  exit 1
}

# run COMMAND...: shows it, its output, and insists on success. The output stays in $output.
run() {
  show_command "$@"
  local code=0
  output=$("$@" 2>&1) || code=$?
  [[ -z $output ]] || printf '%s\n' "$output"
  [[ $code -eq 0 ]] || not_as_expected "'$1 $2' ended with exit code $code"
}

quietly() {
  local said
  said=$("$@" 2>&1) || not_as_expected "'$*' failed: $said"
}

# expect TEXT WHAT: the last output holds the text.
expect() {
  [[ $output == *"$1"* ]] || not_as_expected "$2: there is no '$1' in the output"
  checks=$((checks + 1))
}

# As run, with the administrator's key.
as_administrator() {
  TALLYSTICK_KEY_FILE=$admin_key run "$@"
}

# device_refuses SERIAL OPTION...: a press that shows no response.
device_refuses() {
  local code=0
  show_command vtoken press "$@"
  output=$(vtoken press "$@" 2>&1) || code=$?
  printf '%s\n' "$output"
  [[ $code -eq 1 ]] || not_as_expected "the authenticator was to refuse"
  checks=$((checks + 1))
}

now_ms() {
  now=$(date +%s%3N)
}

press() {
  show_command vtoken press "$@"
  response=$(vtoken press "$@") || not_as_expected "the authenticator shows no response"
  printf '%s\n' "$response"
}

respond() {
  local serial=$1 asked=$2
  shift 2
  show_command vtoken respond "$serial" --challenge "$asked" "$@"
  response=$(vtoken respond "$serial" --challenge "$asked" "$@") ||
    not_as_expected "the authenticator shows no response"
  printf '%s\n' "$response"
}

ask_challenge() {
  show_command tallystick challenge "$1"
  challenge=$(tallystick challenge "$1" 2>/dev/null) || not_as_expected "there is no challenge"
  printf '%s\n' "$challenge"
}

# verify USER RESPONSE [CHALLENGE]: the response goes by standard input, as it should.
verify() {
  local -a more=()
  [[ -z ${3:-} ]] || more=(--challenge "$3")
  show_command "echo $2 | tallystick authenticate" "$1" "${more[@]}"
  output=$(tallystick authenticate "$1" "${more[@]}" 2>&1 <<<"$2") ||
    not_as_expected "a good response was refused: $output"
  printf '%s\n' "$output"
  checks=$((checks + 1))
}

# verify_refused CODE USER RESPONSE [CHALLENGE]
verify_refused() {
  local -a more=()
  local code=0
  [[ -z ${4:-} ]] || more=(--challenge "$4")
  show_command "echo $3 | tallystick authenticate" "$2" "${more[@]}"
  output=$(tallystick authenticate "$2" "${more[@]}" 2>&1 <<<"$3") || code=$?
  printf '%s\n' "$output"
  [[ $code -eq 1 && $output == *"[$1]"* ]] || not_as_expected "this was to be refused as $1"
  checks=$((checks + 1))
}

# curl_verify STATUS CODE USER RESPONSE [CHALLENGE]: no client of ours, only HTTP.
curl_verify() {
  local body status
  body=$(printf '{"user":"%s","response":"%s"' "$3" "$4")
  [[ -z ${5:-} ]] || body+=$(printf ',"challenge":"%s"' "$5")
  body+='}'
  show_command curl --header @authorization --json "'$body'" "$TALLYSTICK_SERVER/v1/authenticate"
  status=$(curl --silent --show-error --output "$work/answer" --write-out '%{http_code}' \
    --header @"$work/authorization" --header 'Content-Type: application/json' \
    --data "$body" "$TALLYSTICK_SERVER/v1/authenticate")
  output=$(<"$work/answer")
  printf '%s %s\n' "$status" "$output"
  [[ $status == "$1" ]] || not_as_expected "the status is $status, not $1"
  expect "\"$2\"" "the answer"
}

# Of a JSON configuration: config_value FILE NAME DEFAULT
config_value() {
  node -e '
    const [file, name, byDefault] = process.argv.slice(1);
    let value = JSON.parse(require("node:fs").readFileSync(file, "utf8"));
    for (const part of name.split(".")) value = value?.[part];
    console.log(value ?? byDefault);
  ' "$@"
}

use_running_server() {
  config=var/tallystick.json
  [[ -f $config ]] || die "$server_missing_code" "There is no var/: run ./scripts/start first."
  local host port scheme=http
  host=$(config_value "$config" listen.host 127.0.0.1)
  port=$(config_value "$config" listen.port 8888)
  [[ -z $(config_value "$config" listen.tls.certFile '') ]] || scheme=https
  TALLYSTICK_SERVER=${TALLYSTICK_SERVER:-"$scheme://$host:$port"}
  admin_key=var/admin.key
  describe_server
  curl --silent --fail --output /dev/null "$TALLYSTICK_SERVER/healthz" ||
    die "$server_missing_code" "No server answers at $TALLYSTICK_SERVER." \
      "Run ./scripts/start in another terminal, or let the demo start its own: --residency resident"
}

start_own_server() {
  config="$work/var/tallystick.json"
  local -a choices=(--residency "${residency:-resident}")
  if [[ -n $postgres ]]; then
    (umask 077 && printf '%s\n' "$postgres" >"$work/address")
    choices+=(--database-file "$work/address")
  fi
  chapter "0. A server of our own"
  run tallystick init --var "$work/var" "${choices[@]}"
  node dist/src/cli/main.js serve --config "$config" --set listen.port=0 --json \
    >"$work/serve.out" 2>"$work/serve.log" &
  server_pid=$!
  local waited
  for waited in {1..300}; do
    [[ ! -s $work/serve.out ]] || break
    kill -0 "$server_pid" 2>/dev/null || not_as_expected "the server ended: $(<"$work/serve.log")"
    sleep 0.1
  done
  [[ -s $work/serve.out ]] || not_as_expected "the server said nothing for $((waited / 10)) seconds"
  TALLYSTICK_SERVER=$(config_value "$work/serve.out" url '')
  admin_key="$work/var/admin.key"
  describe_server
  printf 'It serves on %s.\n' "$TALLYSTICK_SERVER"
}

describe_server() {
  export TALLYSTICK_SERVER
  export TALLYSTICK_KEY_FILE=$admin_key
  kind_of_residency=$(config_value "$config" module.residency resident)
  kind_of_database=$(config_value "$config" database.kind sqlite)
}

# Precise answers and room for mistakes, for this run's keys only: a component, its policy, a key.
prepare_policy() {
  policy="Demo $licence"
  component_type="demo-$licence"
  chapter "A policy that says why it refuses, for a component of this demo"
  output=$(tallystick policy set "$policy" --parent "Local Authentication" \
    genericAnswers=false userLockThreshold=50 eventWindowSteps=5) || not_as_expected "the policy was not made"
  run tallystick policy show "$policy"
  run tallystick component create --type "$component_type" --location 127.0.0.0/8 --policy "$policy"
  component_id=$(awk -v type="$component_type" '$2 == type { print $1 }' <<<"$output")
  run tallystick key create "$component_type" --role helpdesk --component "$component_type" \
    --out "$work/demo.key"
  (umask 077 && printf 'Authorization: Bearer %s\n' "$(<"$work/demo.key")" >"$work/authorization")
}

# pair NUMBER NAME PROFILE [OPTION...]: a user, an authenticator, and the hand-over of its seed.
pair() {
  local serial="$licence-$1" user="$2-$licence"
  local -a more=("${@:4}")
  say_text "$3, for $user:"
  TALLYSTICK_KEY_FILE=$admin_key run tallystick user create "$user"
  run vtoken pair --request "$work/request-$1.json" --serial "$serial" --profile "$3" "${more[@]}"
  TALLYSTICK_KEY_FILE=$admin_key run tallystick token issue --to-emulator "$work/request-$1.json" \
    --out "$work/bundle-$1.json" --user "$user"
  run vtoken pair --accept "$work/bundle-$1.json"
  expect "$serial" "the paired authenticator"
  printf -v "user_$2" %s "$user"
  # From here on the demo's own key does the work of a program at the desk.
  export TALLYSTICK_KEY_FILE="$work/demo.key"
}

must_refuse_pairing_again() {
  local code=0
  say_text "The same request again is refused: seeds leave once."
  show_command tallystick token issue --to-emulator request-1.json --out again.json
  output=$(TALLYSTICK_KEY_FILE=$admin_key tallystick token issue \
    --to-emulator "$work/request-1.json" --out "$work/again.json" 2>&1) || code=$?
  printf '%s\n' "$output"
  [[ $code -eq 1 ]] || not_as_expected "a second issue was to be refused"
  expect "[conflict]" "the refusal"
}

# An outside judge: OpenSC's pkcs11-tool, not our own code.
inspect_module() {
  local folder uri module listing seeds
  folder=$(dirname "$config")
  uri=$(config_value "$config" module.uri '')
  module=${uri##*module-path=}
  module=${module%%&*}
  if [[ -z $(config_value "$config" module.softhsmConf '') ]] || ! command -v pkcs11-tool >/dev/null
  then
    say_text "(The module is not a SoftHSM of ours, or pkcs11-tool is missing: its look is left out.)"
    return
  fi
  say_text "What pkcs11-tool sees in the module:"
  show_command pkcs11-tool --login --list-objects
  listing=$(PIN=$(<"$folder/user.pin") SOFTHSM2_CONF="$folder/softhsm2.conf" pkcs11-tool \
    --module "$module" --token-label tallystick --login --pin env:PIN --list-objects 2>/dev/null) ||
    not_as_expected "pkcs11-tool cannot list the module"
  awk '/^(Secret|Private) Key/ { kind = $0 } / label:/ { label = $2 " " $3 }
    / Access:/ && kind { sub(/^ *Access: */, ""); printf "%-34s %s\n", label, $0; kind = "" }' \
    <<<"$listing" >"$work/keys"
  grep -v 'tallystick-seed' "$work/keys" || true
  grep "tallystick-seed $licence-" "$work/keys" || true
  seeds=$(grep -c "tallystick-seed $licence-" "$work/keys" || true)
  if [[ $kind_of_residency == resident ]]; then
    [[ $seeds -eq 9 ]] || not_as_expected "there are $seeds resident seeds of this run, not 9"
  else
    [[ $seeds -eq 0 ]] || not_as_expected "there are resident seeds, but residency is wrapped"
  fi
  checks=$((checks + 1))
  if grep -v sensitive "$work/keys"; then not_as_expected "these keys are not sensitive"; fi
  if sed 's/never extractable//' "$work/keys" | grep extractable; then
    not_as_expected "these keys are extractable"
  fi
  checks=$((checks + 1))
}

# The emulator holds the other half of each seed, so we know what to look for in the database.
inspect_database() {
  say_text "What the database holds of the nine seeds:"
  output=$(node scripts/demo-inspect.mjs "$config" "$VTOKEN_DIR" "$kind_of_residency" "$licence") ||
    not_as_expected "the database holds what it must not: $output"
  printf '%s\n' "$output"
  checks=$((checks + 1))
}

take_away() {
  export TALLYSTICK_KEY_FILE=$admin_key
  local number user
  for number in 1 2 3 4 5 6 7; do quietly tallystick token delete "$licence-$number"; done
  for user in time event crtime crcounter both pin desk; do
    quietly tallystick user delete "$user-$licence"
  done
  quietly tallystick key delete "$component_type"
  quietly tallystick key delete "desk-$licence"
  quietly tallystick component delete "$component_id"
  quietly tallystick component delete "$soap_component_id"
  quietly tallystick policy delete "$policy"
}

clean_up() {
  local code=$?
  if [[ -n $cable_pid ]] && kill -0 "$cable_pid" 2>/dev/null; then pull_out; fi
  if [[ -n $server_pid ]] && kill -0 "$server_pid" 2>/dev/null; then
    kill -TERM "$server_pid"
    wait "$server_pid" || true
  fi
  if [[ $code -ne 0 && -s $work/serve.log ]]; then
    printf 'The last lines of the log of the server:\n' >&2
    tail -n 5 "$work/serve.log" >&2
  fi
  rm -rf "$work"
  exit "$code"
}
