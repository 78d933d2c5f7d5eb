# The part of ./scripts/demo that speaks SOAP: no client of ours, only curl and XML by hand.

# soap_post OPERATION CONTENT SUMMARY: posts one operation and shows what its result says.
soap_post() {
  local types=http://www.vasco.com/IdentikeyServer/IdentikeyTypes/Authentication
  local envelope=http://schemas.xmlsoap.org/soap/envelope/
  printf '<S:Envelope xmlns:S="%s" xmlns:aut="%s"><S:Body><aut:%s>%s</aut:%s></S:Body></S:Envelope>' \
    "$envelope" "$types" "$1" "$2" "$1" >"$work/request.xml"
  show_command curl --data @"$1.xml" "$TALLYSTICK_SERVER/"
  printf '  (%s: %s)\n' "$1" "$3"
  output=$(curl --silent --show-error --header 'Content-Type: text/xml' \
    --data-binary @"$work/request.xml" "$TALLYSTICK_SERVER/") ||
    not_as_expected "the server did not answer"
  output=$(sed -E 's/.*<returnCodeEnum[^>]*>([A-Z_]*)<.*<statusCodeEnum[^>]*>([A-Z_]*)<.*/\1 \2/' \
    <<<"${output##*\?>}")
  printf '%s\n' "$output"
}

attribute() {
  printf '<attributes><value>%s</value><attributeID>CREDFLD_%s</attributeID></attributes>' "$2" "$1"
}

# auth_user STATUS USER NAME VALUE...: authUser with these attributes.
auth_user() {
  local status=$1 set summary=$2
  set=$(attribute COMPONENT_TYPE "soap-$licence")$(attribute USERID "$2")
  shift 2
  while [[ $# -gt 0 ]]; do
    set+=$(attribute "$1" "$2")
    summary+=", $1 $2"
    shift 2
  done
  soap_post authUser "<credentialAttributeSet>$set</credentialAttributeSet>" "$summary"
  expect "$status" "the result"
}

# sync_token_and_host STATUS USER PIN FIRST SECOND
sync_token_and_host() {
  soap_post syncTokenAndHost "<componentType>soap-$licence</componentType>$(
  )<user><userID>$2</userID></user><credential><otp1><response>$4</response></otp1>$(
  )<otp2><response>$5</response></otp2><pin>$3</pin></credential>" "$2, pin $3, otp1 $4, otp2 $5"
  expect "$1" "the result"
}

speak_soap() {
  local first
  as_administrator tallystick component create --type "soap-$licence" --location 127.0.0.0/8 \
    --policy "$policy" --access address
  soap_component_id=$(awk -v type="soap-$licence" '$2 == type { print $1 }' <<<"$output")
  as_administrator tallystick token pin enable "$licence-2"
  say_text "The first PIN, twice behind a response; then both together:"
  press "$licence-2"
  auth_user "RET_SUCCESS STAT_SUCCESS" "$user_event" PASSWORD_FORMAT 0 PASSWORD "${response}90389038"
  press "$licence-2"
  auth_user "RET_FAILURE STAT_OTP_INCORRECT" "$user_event" PASSWORD_FORMAT 0 PASSWORD "9039$response"
  auth_user "RET_SUCCESS STAT_SUCCESS" "$user_event" PASSWORD_FORMAT 0 PASSWORD "9038$response"
  say_text "Another PIN, in parts:"
  press "$licence-2"
  auth_user "RET_SUCCESS STAT_SUCCESS" "$user_event" PASSWORD_FORMAT 4 CURRENT_PIN 9038 \
    DP_RESPONSE "$response" NEW_PIN 47213 CONFIRM_NEW_PIN 47213
  say_text "Presses in a pocket, and two responses that tell the server where the counter is:"
  run vtoken press "$licence-2" --times 40 --pocket
  press "$licence-2"
  auth_user "RET_FAILURE STAT_OTP_INCORRECT" "$user_event" PASSWORD_FORMAT 0 PASSWORD "47213$response"
  press "$licence-2"
  first=$response
  press "$licence-2"
  sync_token_and_host "RET_FAILURE STAT_OTP_INCORRECT" "$user_event" 9038 "$first" "$response"
  sync_token_and_host "RET_SUCCESS STAT_SUCCESS" "$user_event" 47213 "$first" "$response"
  press "$licence-2"
  auth_user "RET_SUCCESS STAT_SUCCESS" "$user_event" PASSWORD_FORMAT 0 PASSWORD "47213$response"
}
