# What goes wrong with a real machine: sourced by run.sh for MACHINES=faults. vm-0 lives through power cuts, lost agents,
# wrong disks, bad images and a BMC that fails, one after the other. Whatever happens, no half-written disk is booted, no
# disk but the right one is written, nothing is wiped that need not be, and vm-0 goes on when what it asked for is done.
# Its second disk (/dev/nvme0n1) is the first in the kernel's order and keeps what somebody wrote on it.
# FAULTS_FROM=5 begins with a clean host, FAULTS_FROM=12 with one that has just got its image.
from=${FAULTS_FROM:-1}
case $from in
  1 | 5 | 12) ;;
  *) fail "the faults can begin with step 1, 5 or 12, not with FAULTS_FROM=$from" ;;
esac
other_disk=$work/rack/vm-0/nvme0n1.disk
root_disk=$work/rack/vm-0/sda.disk
foreign_disk=$work/rack/vm-0/sda-FOREIGN1.disk

rack_do() { inside curl -fsS -X POST "http://127.0.0.1:1081/servers/vm-0/$1" ${2:+-d "$2"} >/dev/null; }
patch() { kube patch baremetalhost vm-0 --type merge -p "$1" >/dev/null; }
# As a person would: a change of the spec is tried at once.
retry() { patch "{\"spec\":{\"description\":\"tried again at $SECONDS s\"}}"; }
image() {  # image FILE
  patch "{\"spec\":{\"image\":{\"url\":\"http://172.22.0.1:8080/$1\",\"checksum\":\"$checksum\",
    \"checksumType\":\"sha256\",\"format\":\"raw\"}}}"
}

# wait_error TEXT SECONDS: the host says it, with a next step
wait_error() {
  local now='' until=$((SECONDS + $2))
  while [ "$SECONDS" -lt "$until" ]; do
    now=$(kube get baremetalhost vm-0 -o jsonpath='{.status.errorMessage}' || true)
    case $now in
      *"$1"*"; next: "*) say "vm-0 says: $now" && return ;;
    esac
    sleep 1
  done
  fail "vm-0 does not say \"$1\" with a next step after $2 s, but: $now; it is $(host_state vm-0)"
}

# wait_step PATTERN SECONDS: it is at this work
wait_step() {
  local now='' until=$((SECONDS + $2))
  while [ "$SECONDS" -lt "$until" ]; do
    now=$(host_state vm-0 || true)
    # shellcheck disable=SC2254
    case $now in
      *$1*) say "vm-0: $now" && return ;;
    esac
    sleep 0.3
  done
  fail "vm-0 is not at \"$1\" after $2 s: $now"
}

orders() { grep -c "\"asking the agent to $1" "$work/serve.log" || true; }
wipes=0 writes=0  # ordered when they were last checked
# wait_order WHAT COUNT SECONDS: returns at the moment at which the agent is told so for the COUNTth time in all
wait_order() {
  local line log reader count=0
  exec {log}< <(exec timeout "$3" tail -n +1 -f "$work/serve.log")
  reader=$!
  while [ "$count" -lt "$2" ] && read -r -u "$log" line; do
    case $line in
      *"asking the agent to $1"*) count=$((count + 1)) ;;
    esac
  done
  exec {log}<&-
  kill "$reader" 2>/dev/null || true
  [ "$count" -lt "$2" ] || return 0
  fail "the agent was not told to $1 $2 times after $3 s: $(host_state vm-0)"
}
# more_orders WIPES WRITES: so many since the last check, and no more
more_orders() {
  local expected="$((wipes + $1)) $((writes + $2))"
  wipes=$(orders 'wipe disks') writes=$(orders 'write the image')
  [ "$wipes $writes" = "$expected" ] || fail "wipes and writes ordered so far are $wipes $writes, not $expected"
  say "wipes and writes ordered so far: $wipes $writes"
}

# Firmware finds nothing to start on the disk, and nothing was started from it.
check_unbootable() {
  local head
  head=$(head -c 4096 "$root_disk" | tr -d '\0' | wc -c)
  [ "$head" = 0 ] || fail "$root_disk has $head bytes where firmware looks for a system ($1)"
  ! grep -aq "CLOUD-INIT" "$work/rack/vm-0/console.log" || fail "a system was started ($1)"
  say "$1: nothing on the disk can be started"
}

mark() { printf 'somebodys data' | dd of="$1" bs=1M seek=64 conv=notrunc status=none; }
# check_mark FILE: what somebody wrote is there, and nothing else
check_mark() {
  [ "$(dd if="$1" bs=1M skip=64 count=1 status=none | tr -d '\0')" = "somebodys data" ] || fail "$1 was written"
  [ "$(head -c 1048576 "$1" | tr -d '\0' | wc -c)" = 0 ] || fail "$1 got a partition table"
  say "${1##*/} is as it was"
}

prepare_images() {
  rm -f "$work/corrupt.raw" "$work/huge.raw"
  truncate -s 64M "$work/corrupt.raw"
  head -c 1048576 "$work/debian.raw" | dd of="$work/corrupt.raw" conv=notrunc status=none
  truncate -s 5G "$work/huge.raw"
}

inspection_and_cleaning() {
  say "1. the BMC answers 503"
  rack_do bmc-faults '{"unavailable": 1.0}'
  kube apply -f "$work/vm-0.yaml" >/dev/null
  wait_error "503" 300
  rack_do bmc-faults '{}'
  retry

  say "2. power cut while the ramdisk starts for the inspection"
  wait_step "ramdisk loaded" 300
  rack_do "cut-power?seconds=3"
  wait_error "the ramdisk was loaded but its agent never called" 300

  say "3. the BMC restarts and forgets everything while the ramdisk starts"
  retry
  wait_step "ramdisk loaded" 300
  rack_do "crash-bmc?seconds=5"

  say "4. power cut in the middle of cleaning"
  wait_order "wipe disks" 1 300
  rack_do "cut-power?seconds=3"
  wait_error "the agent stopped answering" 300
  retry
  wait_state vm-0 available 300
  more_orders 2 0
}

images() {
  say "5. root device hints that no disk fits"
  hints=$(kube get baremetalhost vm-0 -o jsonpath='{.spec.rootDeviceHints}')
  serial=$(kube get baremetalhost vm-0 -o jsonpath='{.status.hardware.storage[?(@.model=="Ingot SSD 480")].serialNumber}')
  patch '{"spec":{"rootDeviceHints":{"model":"No Such Disk"}}}'
  provision vm-0
  wait_error "no disk fits rootDeviceHints" 300
  more_orders 0 0

  say "6. somebody has exchanged the disk; the hints fit the new one, too"
  rack_do "exchange-disk?device=/dev/sda&serial=FOREIGN1"
  truncate -s "$(stat -c %s "$root_disk")" "$foreign_disk"
  mark "$foreign_disk"
  patch "{\"spec\":{\"rootDeviceHints\":$hints}}"
  wait_error "is not as it was at inspection" 300
  more_orders 0 0
  check_mark "$foreign_disk"
  rack_do "exchange-disk?device=/dev/sda&serial=$serial"

  say "7. an image that is larger than the disk"
  image huge.raw
  wait_error "larger than the disk" 300
  more_orders 0 0

  say "8. an image that is not what its checksum says"
  image corrupt.raw
  wait_error "sha256" 300
  check_unbootable "corrupt image"
  more_orders 0 1

  say "9. power cut in the middle of the image, and the server starts by itself when it is back"
  provision vm-0
  wait_step "writing the image to /dev/sda, [56]" 300
  rack_do "cut-power?seconds=3&on=true"
  wait_error "the agent stopped answering" 300
  check_unbootable "half an image"
  more_orders 1 1

  say "10. the machine hangs in the middle of the image"
  retry
  wait_order "write the image" $((writes + 1)) 600
  wait_step "writing the image to /dev/sda, [56]" 300
  rack_do hang
  wait_error "the agent stopped answering" 300
  check_unbootable "half an image"
  more_orders 1 1

  say "11. the BMC answers 503 when the image is written"
  retry
  wait_order "write the image" $((writes + 1)) 600
  rack_do bmc-faults '{"unavailable": 1.0}'
  wait_error "503" 600
  rack_do bmc-faults '{}'
  retry
  wait_state vm-0 provisioned 600
  more_orders 1 1
}

restart_and_return() {
  say "12. power cuts at the restart into the system: before the agent has left, and when the system starts"
  rack_do "cut-power?seconds=3"
  wait_console vm-0 'starting Boot[0-9A-F]* "Ingot"' 600
  rack_do "cut-power?seconds=3&on=true"
  applied vm-0 0
  check_mark "$other_disk"
  more_orders 0 0

  say "13. the BMC forgets its boot override when the host is to be cleaned: the system starts once more"
  rack_do "forget-boots?count=1"
  patch '{"spec":{"image":null,"userData":null,"networkData":null}}'
  wait_error "the ramdisk was loaded but its agent never called" 600
  grep -aq 'starting Boot[0-9A-F]* "Ingot"' "$work/rack/vm-0/console.log" || fail "the old system was not started"
  more_orders 0 0
  retry
  wait_state vm-0 available 600
  check_wiped "$root_disk"
  more_orders 1 0
}

prepare_images
if [ "$from" -le 1 ]; then
  inspection_and_cleaning
else
  kube apply -f "$work/vm-0.yaml" >/dev/null
  inspected vm-0
  more_orders 1 0
fi
mark "$other_disk"
if [ "$from" -le 5 ]; then
  images
else
  provision vm-0
  wait_state vm-0 provisioned 600
  more_orders 0 1
fi
restart_and_return
[ ! -e "$foreign_disk" ] || check_mark "$foreign_disk"
