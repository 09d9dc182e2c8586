# shellcheck shell=bash
# `./dev interop bmc`: our BMC front against other people's clients, and our client against other people's BMCs. Each
# peer is skipped, and says so, where it is missing. Sourced by ./dev after clients.sh.

bmc_password=password

bmc_cleanup() {
  local status=$? pid
  trap - EXIT INT TERM HUP
  for pid in "${bmc_pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  # Kept where there is something to look into: a failure, not an interruption.
  case $status in 0 | 129 | 130 | 143) if [ "$interop_failures" -eq 0 ]; then rm -rf "$bmc_dir"; fi ;; esac
  exit "$status"
}

# bmc_check NAME WANTED COMMAND...: its output, errors included, has to hold the extended regular expression.
bmc_check() {
  local name=$1 wanted=$2 out
  shift 2
  if declare -F "$1" >/dev/null; then out=$("$@" 2>&1) || true; else out=$(timeout 120 "$@" 2>&1) || true; fi
  if grep -Eq -- "$wanted" <<<"$out"; then
    say "  ok    $name"
    return
  fi
  say "  FAIL  $name: wanted '$wanted', got:"
  head -n 8 <<<"$out" | sed 's/^/        /'
  interop_failures=$((interop_failures + 1))
}

bmc_skip() {
  say "  SKIPPED $1: $2"
  bmc_skipped+=("$1")
}

bmc_wait() {  # FILE PATTERN
  local deadline=$((SECONDS + 30))
  until grep -qs -- "$2" "$1"; do
    [ $SECONDS -lt $deadline ] || fail "nothing like '$2' in $1 within 30 s"
    sleep 0.1
  done
}

# Sets bmc_redfish_port and bmc_ipmi_port.
bmc_start_front() {
  bmc_redfish_port=$(demo_port 28443)
  bmc_ipmi_port=$(demo_port 29623)
  build/ingot simulate-bmc --redfish "127.0.0.1:$bmc_redfish_port" --ipmi "127.0.0.1:$bmc_ipmi_port" \
    --password $bmc_password --log-level warn >"$bmc_dir/front.out" 2>"$bmc_dir/front.log" &
  bmc_pids+=($!)
  bmc_wait "$bmc_dir/front.out" 'Redfish at'
}

# Keys for a console: a line in good time, then the order to leave. bmc_in_terminal COMMAND... is typed them.
bmc_console_keys() {
  bmc_typing=("$1" "$2")
}
bmc_in_terminal() {
  { sleep 2; printf '%s\r' "${bmc_typing[1]}"; sleep "${bmc_typing[0]}"; printf '\r~.'; sleep 1; } |
    timeout 60 script -qec "$*" /dev/null
}

bmc_ipmitool() {
  if ! command -v ipmitool >/dev/null; then
    bmc_skip ipmitool "it is not installed"
    return
  fi
  local suite tool
  for suite in 3 17; do
    say "ipmitool drives our IPMI front, cipher suite $suite"
    tool=(ipmitool -I lanplus -H 127.0.0.1 -p "$bmc_ipmi_port" -U admin -P $bmc_password -C $suite -L ADMINISTRATOR)
    bmc_check "mc info" 'IPMI Version +: 2.0' "${tool[@]}" mc info
    bmc_check "mc guid" 'GUID' "${tool[@]}" mc guid
    bmc_check "mc selftest" 'passed' "${tool[@]}" mc selftest
    bmc_check "channel info" 'Channel 0x' "${tool[@]}" channel info
    bmc_check "power off" 'Down/Off' "${tool[@]}" chassis power off
    bmc_check "is off" 'Chassis Power is off' "${tool[@]}" chassis power status
    bmc_check "boot device pxe, EFI" 'Set Boot Device to pxe' "${tool[@]}" chassis bootdev pxe options=efiboot
    bmc_check "is pxe, EFI" 'Force PXE' "${tool[@]}" chassis bootparam get 5
    bmc_check "mode is EFI" 'EFI boot' "${tool[@]}" chassis bootparam get 5
    bmc_check "boot flags raw, persistent and EFI" '^ *$' "${tool[@]}" raw 0x00 0x08 0x05 0xe0 0x08 0x00 0x00 0x00
    bmc_check "are read back" '01 05 e0 08' "${tool[@]}" raw 0x00 0x09 0x05 0x00 0x00
    bmc_check "power on" 'Up/On' "${tool[@]}" chassis power on
    bmc_check "status" 'System Power +: on' "${tool[@]}" chassis status
    bmc_check "power cycle" 'Cycle' "${tool[@]}" chassis power cycle
    bmc_check "power reset" 'Reset' "${tool[@]}" chassis power reset
    bmc_check "power soft" 'Soft' "${tool[@]}" chassis power soft
    bmc_check "restart cause" 'restart cause' "${tool[@]}" chassis restart_cause
    bmc_check "identify" 'identify' "${tool[@]}" chassis identify 1
    bmc_check "fru" 'Simulated Server' "${tool[@]}" fru print 0
    bmc_check "sel info" 'SEL Information' "${tool[@]}" sel info
    bmc_check "sel time" '[0-9]{2}:[0-9]{2}:[0-9]{2}' "${tool[@]}" sel time get
    bmc_check "sol info" 'Enabled +: true' "${tool[@]}" sol info
    bmc_check "sol set" '^ *$' "${tool[@]}" sol set character-send-threshold 64
    bmc_check "is set" 'Send Threshold +: 64' "${tool[@]}" sol info
    bmc_console_keys 4 hello
    bmc_check "sol activate" 'server-1 login: ' bmc_in_terminal "${tool[@]}" sol activate
    bmc_check "wrong password" 'Unable to establish|password verification failed|RAKP' \
      ipmitool -I lanplus -H 127.0.0.1 -p "$bmc_ipmi_port" -U admin -P wrong -C $suite -R 1 mc info
  done
}

# Our own console, found through Redfish.
bmc_redfish_console() {
  say "our client finds the serial console of our Redfish front"
  export INGOT_BMC_PASSWORD=$bmc_password
  bmc_console_keys 4 hello
  bmc_check "console" 'server-1 login: ' bmc_in_terminal build/ingot bmc --insecure \
    "redfish://127.0.0.1:$bmc_redfish_port" console
}

bmc_ipmi_sim() {
  if ! command -v ipmi_sim >/dev/null; then
    bmc_skip ipmi_sim "it is not installed (package openipmi)"
    return
  fi
  say "our IPMI client drives OpenIPMI's ipmi_sim"
  local port serial at=$bmc_dir/ipmi_sim
  port=$(demo_port 29923)
  # What the simulator's serial port leads to: whatever is typed comes back, a line with 400 others.
  python3 test/interop/python/serial_echo.py "$bmc_dir/serial" &
  bmc_pids+=($!)
  bmc_wait "$bmc_dir/serial" '[0-9]'
  serial=$(cat "$bmc_dir/serial")
  mkdir -p "$at/state"
  cat >"$at/ctl" <<'TEXT'
#!/bin/sh
# Called as: ctl MC get|set|check NAME [VALUE]. Keeps the power in a file.
cd "$(dirname "$0")" || exit 1
shift
case "$1" in
  get) while [ $# -gt 1 ]; do shift; echo "$1:$(cat "$1" 2>/dev/null || echo 0)"; done ;;
  set)
    shift
    while [ $# -gt 1 ]; do
      echo "$1 $2" >>log
      case "$1" in reset | shutdown) ;; *) echo "$2" >"$1" ;; esac
      [ "$1" = shutdown ] && echo 0 >power
      shift 2
    done
    ;;
  check) ;;
esac
exit 0
TEXT
  chmod +x "$at/ctl"
  cat >"$at/lan.conf" <<TEXT
name "s"
set_working_mc 0x20
startlan 1
  addr 127.0.0.1 $port
  priv_limit admin
  allowed_auths_callback none md2 md5 straight
  allowed_auths_user none md2 md5 straight
  allowed_auths_operator none md2 md5 straight
  allowed_auths_admin none md2 md5 straight
  guid a123456789abcdefa123456789abcdef
endlan
sol "tcp:127.0.0.1:$serial" 115200
chassis_control "$at/ctl 0x20"
user 2 true "admin" "$bmc_password" admin 10 none md2 md5 straight
TEXT
  cat >"$at/sim.emu" <<'TEXT'
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
TEXT
  ipmi_sim -c "$at/lan.conf" -f "$at/sim.emu" -s "$at/state" -n >"$at/out" 2>&1 </dev/null &
  bmc_pids+=($!)
  sleep 1
  local ours=(build/ingot bmc "ipmi://127.0.0.1:$port")
  export INGOT_BMC_PASSWORD=$bmc_password
  bmc_check "info" 'power: +off' "${ours[@]}" info
  bmc_check "power on" 'power: +on' "${ours[@]}" power on
  bmc_check "it was told" '^power 1' cat "$at/log"
  bmc_check "on when on" 'power: +on' "${ours[@]}" power on
  bmc_check "boot device" '^accepted' "${ours[@]}" boot pxe
  if command -v ipmitool >/dev/null; then
    bmc_check "ipmitool sees it" 'Force PXE' ipmitool -I lanplus -H 127.0.0.1 -p "$port" -U admin -P $bmc_password -C 3 \
      chassis bootparam get 5
  fi
  bmc_check "power off" 'power: +off' "${ours[@]}" power off
  bmc_check "off when off" 'power: +off' "${ours[@]}" power off
  bmc_check "no virtual media" 'IPMI has no virtual media' "${ours[@]}" media eject
  bmc_check "Serial over LAN is on" 'enabled=true' "${ours[@]}" sol
  bmc_console_keys 6 hello
  bmc_check "console" 'line 399' bmc_in_terminal "${ours[@]}" console
  # The keys end at once, and the console goes on until the signal.
  timeout 8 "${ours[@]}" console --read-only --output "$bmc_dir/console" </dev/null >/dev/null 2>&1 &
  sleep 2
  bmc_check "console that another session has" 'in use by another session' "${ours[@]}" console
  bmc_console_keys 5 taken
  bmc_check "taken over" 'line 399' bmc_in_terminal "${ours[@]}" console --take-over
  INGOT_BMC_PASSWORD=wrong bmc_check "wrong password" 'wrong password|no such user' "${ours[@]}" info
}

bmc_sushy() {
  if ! /usr/bin/python3 -c 'import sushy' 2>/dev/null; then
    bmc_skip sushy "it is not installed (package python3-sushy)"
    return
  fi
  say "python3-sushy drives our Redfish front"
  # The variables would override "accept any certificate".
  bmc_check "all of it" '^sushy: all good' env -u REQUESTS_CA_BUNDLE -u CURL_CA_BUNDLE \
    /usr/bin/python3 -W ignore test/interop/python/redfish.py \
    "https://127.0.0.1:$bmc_redfish_port" admin $bmc_password
}

bmc_python=${INGOT_INTEROP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ingot-interop}/bmc

# bmc_install PEER PACKAGE...: into a virtual environment of its own.
bmc_install() {
  local peer=$1
  shift
  [ -x "$bmc_python/$peer/bin/python" ] && [ -e "$bmc_python/$peer/complete" ] && return
  mkdir -p "$bmc_python"
  if { python3 -m venv "$bmc_python/$peer" && "$bmc_python/$peer/bin/python" -m pip install -q "$@"; } \
    >"$bmc_dir/$peer.pip" 2>&1; then
    touch "$bmc_python/$peer/complete"
    return
  fi
  bmc_skip "$peer" "it could not be installed: $(tail -n 1 "$bmc_dir/$peer.pip")"
  return 1
}

bmc_sushy_tools() {
  bmc_install sushy-tools 'sushy-tools==2.2.0' 'werkzeug<4' || return 0
  say "our Redfish client drives sushy-tools' emulator"
  local port uuid
  port=$(demo_port 28800)
  "$bmc_python/sushy-tools/bin/sushy-emulator" --fake -i 127.0.0.1 -p "$port" >"$bmc_dir/emulator.out" 2>&1 &
  bmc_pids+=($!)
  bmc_wait "$bmc_dir/emulator.out" 'Running on'
  export INGOT_BMC_PASSWORD=$bmc_password
  uuid=$(demo_get "$port" /redfish/v1/Systems | grep -o '/redfish/v1/Systems/[^"]*' | head -n 1)
  local ours=(build/ingot bmc "redfish+http://127.0.0.1:$port$uuid")
  bmc_check "info" 'system: +/redfish/v1/Systems/' "${ours[@]}" info
  bmc_check "power on" 'power:' "${ours[@]}" power on
  bmc_check "boot device" '^accepted' "${ours[@]}" boot pxe
  bmc_check "power off" 'power:' "${ours[@]}" power off
  bmc_check "virtual media" '^accepted' "${ours[@]}" media "http://127.0.0.1:$port/redfish/v1"
  bmc_check "ejection" '^accepted' "${ours[@]}" media eject
  bmc_check "firmware, without an inventory" 'bmc: ' "${ours[@]}" firmware
  bmc_check "no BIOS settings, and it says so" 'shows no BIOS settings' "${ours[@]}" bios
}

# The DMTF's schemas, from its public repository; INGOT_REDFISH_SCHEMAS names a folder with CSDL files instead. Sets
# bmc_schemas, empty when they cannot be had: then the validator tries to download them by itself.
bmc_find_schemas() {
  local kept=${bmc_python%/bmc}/redfish-publications
  bmc_schemas=${INGOT_REDFISH_SCHEMAS:-}
  [ -z "$bmc_schemas" ] || return 0
  if [ ! -e "$kept/csdl/ServiceRoot_v1.xml" ]; then
    rm -rf "$kept"
    timeout 300 git clone -q --depth 1 https://github.com/DMTF/Redfish-Publications "$kept" \
      >"$bmc_dir/schemas.out" 2>&1 || rm -rf "$kept"
  fi
  if [ -e "$kept/csdl/ServiceRoot_v1.xml" ]; then bmc_schemas=$kept/csdl; fi
}

bmc_validator() {
  bmc_install validator redfish_service_validator || return 0
  local schemas=()
  bmc_find_schemas
  if [ -n "$bmc_schemas" ]; then schemas=(--schema_directory "$bmc_schemas" --skipschema); fi
  say "DMTF's service validator judges our Redfish front, with a RAID volume and a subscription"
  local service="https://127.0.0.1:$bmc_redfish_port/redfish/v1" at
  at=$service/Systems/1/Storage/RAID
  curl -sk -o /dev/null -u "admin:$bmc_password" "$at/Volumes" -H 'Content-Type: application/json' \
    -d "{\"RAIDType\":\"RAID1\",\"Name\":\"system\",\"Links\":{\"Drives\":[
      {\"@odata.id\":\"/redfish/v1/Systems/1/Storage/RAID/Drives/Disk.0\"},
      {\"@odata.id\":\"/redfish/v1/Systems/1/Storage/RAID/Drives/Disk.1\"}]}}" || true
  curl -sk -o /dev/null -u "admin:$bmc_password" "$service/EventService/Subscriptions" \
    -H 'Content-Type: application/json' \
    -d '{"Destination":"http://127.0.0.1:9/","Protocol":"Redfish","Context":"validator"}' || true
  sleep 3
  (cd "$bmc_dir" && env -u REQUESTS_CA_BUNDLE -u CURL_CA_BUNDLE timeout 900 \
    "$bmc_python/validator/bin/rf_service_validator" -u admin -p $bmc_password \
    -r "https://127.0.0.1:$bmc_redfish_port" --logdir "$bmc_dir/validator" "${schemas[@]}") >"$bmc_dir/validator.out" 2>&1 || true
  # The totals are the last row of its table: passed, warned, failed, not tested.
  local row passed failed
  row=$(grep -E '^\|( +[0-9]+ +\|){4}' "$bmc_dir/validator.out" | tail -n 1)
  passed=$(awk -F'|' '{print $2 + 0}' <<<"$row")
  failed=$(awk -F'|' '{print $4 + 0}' <<<"$row")
  if [ "${passed:-0}" -eq 0 ]; then
    bmc_skip validator "it judged nothing, most likely for want of the DMTF's schemas: they could not be fetched; a copy of \
github.com/DMTF/Redfish-Publications does as well (INGOT_REDFISH_SCHEMAS=COPY/csdl)"
  elif [ "$failed" -eq 0 ]; then
    say "  ok    $passed properties, none wrong"
  else
    say "  FAIL  $failed of $((passed + failed)) properties; see $bmc_dir/validator.out"
    interop_failures=$((interop_failures + 1))
  fi
}

interop_bmc() {
  bmc_dir=$(mktemp -d "${TMPDIR:-/tmp}/ingot-bmc.XXXXXX")
  bmc_pids=()
  bmc_skipped=()
  interop_failures=0
  trap bmc_cleanup EXIT INT TERM HUP
  bmc_start_front
  bmc_ipmitool
  bmc_redfish_console
  bmc_ipmi_sim
  bmc_sushy
  bmc_sushy_tools
  bmc_validator
  if [ ${#bmc_skipped[@]} -gt 0 ]; then say "skipped: ${bmc_skipped[*]}"; fi
  [ $interop_failures -eq 0 ] || fail "bmc: $interop_failures checks failed; see $bmc_dir"
  say "bmc: every check of what is here passed"
}
