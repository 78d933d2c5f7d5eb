# The part of ./scripts/demo at a workstation that loses its server: signing on all the same, each response
# once, a lock, a code from the help desk, and a report when the server is back.

desk_pin=472193
wrong_pin=000000

tallystick_agent() {
  node dist/src/agent/main.js "$@" --state "$work/agent"
}

# plug_in [PORT]: the workstation reaches the server by a cable, and the next time at the same port.
plug_in() {
  : >"$work/cable"
  node scripts/demo-cable.mjs "$TALLYSTICK_SERVER" "$@" >"$work/cable" &
  cable_pid=$!
  local _
  for _ in {1..100}; do
    [[ ! -s $work/cable ]] || break
    sleep 0.1
  done
  cable_port=$(<"$work/cable")
  [[ -n $cable_port ]] || not_as_expected "the workstation has no way to the server"
}

pull_out() {
  kill -TERM "$cable_pid"
  wait "$cable_pid" || true
  cable_pid=
}

# at_the_desk CODE TEXT COMMAND...: a command of the agent that ends with this exit code and says this.
at_the_desk() {
  local expected=$1 text=$2 code=0
  shift 2
  show_command tallystick-agent "$@"
  output=$(tallystick_agent "$@" 2>&1) || code=$?
  printf '%s\n' "$output"
  [[ $code -eq $expected ]] || not_as_expected "the exit code is $code, not $expected"
  expect "$text" "what the workstation says"
}

# sign_on CODE TEXT PIN RESPONSE: both are typed in one line.
sign_on() {
  local code=0
  show_command "echo $3$4 | tallystick-agent logon" "$user_desk" --stdin
  output=$(tallystick_agent logon "$user_desk" --stdin 2>&1 <<<"$3$4") || code=$?
  printf '%s\n' "$output"
  [[ $code -eq $1 ]] || not_as_expected "the exit code is $code, not $1"
  expect "$2" "what the workstation says"
}

set_up_desk() {
  as_administrator tallystick policy set "$policy" offlineEnabled=true offlineKeyMode=sw \
    offlineFailuresMax=2
  expect "offlineEnabled" "the policy"
  pair 7 desk one-button-event --application EVENT=HOTP-SHA1-8
  printf '%s\n%s\n' "$desk_pin" "$desk_pin" >"$work/desk.pin"
  as_administrator tallystick token pin enable "$licence-7"
  show_command "printf '$desk_pin\n$desk_pin\n' |" tallystick token pin set "$licence-7"
  quietly tallystick token pin set "$licence-7" --policy "$policy" <"$work/desk.pin"
  as_administrator tallystick key create "desk-$licence" --role client --component "$component_type" \
    --out "$work/desk.key"
  plug_in
  local scheme=${TALLYSTICK_SERVER%%://*}
  at_the_desk 0 "Enrolled as" enrol --server "$scheme://127.0.0.1:$cable_port" \
    --key-file "$work/desk.key" --name "desk-$licence" --mode sw
  agent_id=$(sed -n 's/^Enrolled as \(.*\)\.$/\1/p' <<<"$output")
  local signer
  signer=$(sed -n 's/^The server signs by \(.*\)\.$/\1/p' <<<"$output")
  as_administrator tallystick offline signing-key
  expect "$signer" "the key of the server"
}

# Read out by telephone: the help desk still reaches the server.
read_out_code() {
  run tallystick token emergency list "$licence-7"
  expect "tokencode" "the emergency codes"
  local code_id
  code_id=$(awk '$2 == "tokencode" && $3 == "live" { print $1 }' <<<"$output")
  run tallystick token emergency reveal "$licence-7" "$code_id" --reason "locked out, called from a train"
  emergency_code=$output
}

work_without_server() {
  set_up_desk
  say_text "A logon at the server, and what it brings home for the next days:"
  press "$licence-7"
  sign_on 0 "Signed in." "$desk_pin" "$response"
  expect "30 sign-ins left" "the offline data"

  say_text "The network is gone. The next response is good all the same, once:"
  pull_out
  press "$licence-7"
  local alone=$response
  sign_on 0 "Signed in. Offline." "$desk_pin" "$alone"
  sign_on 1 "not accepted" "$desk_pin" "$alone"
  say_text "A second wrong try in a row locks the workstation to this user, also to right ones:"
  press "$licence-7"
  sign_on 7 "Call the help desk" "$wrong_pin" "$response"
  at_the_desk 7 "Call the help desk" status "$user_desk"
  say_text "The help desk reads out a code, which stands in for the device and opens the lock:"
  read_out_code
  sign_on 0 "Signed in. Offline." "$desk_pin" "$emergency_code"
  press "$licence-7"
  sign_on 0 "Signed in. Offline." "$desk_pin" "$response"

  say_text "The network is back. The server learns what was done, and takes none of it again:"
  plug_in "$cable_port"
  at_the_desk 0 "Reported:" report
  show_command "printf '$desk_pin\n$alone\n' | tallystick authenticate" "$user_desk" --pin
  local code=0
  output=$(printf '%s\n%s\n' "$desk_pin" "$alone" | tallystick authenticate "$user_desk" --pin 2>&1) ||
    code=$?
  printf '%s\n' "$output"
  [[ $code -eq 1 ]] || not_as_expected "what was used at the workstation was to be refused"
  expect "[response-replayed]" "the refusal"
  as_administrator tallystick offline show "$user_desk"
  expect "2/30" "the sign-ins that the server knows of"
  as_administrator tallystick audit list --newest 8
  expect "offline.report" "the audit"
  expect "emergency.use" "the audit"

  say_text "The workstation is given away: nothing is left there, and the server hears no more of it."
  at_the_desk 0 "Everything is destroyed" reset --yes
  as_administrator tallystick offline revoke-agent "$agent_id" --reason "given away in a demo"
  as_administrator tallystick offline show-agent "$agent_id"
  expect "revoked" "the workstation"
  pull_out
}
