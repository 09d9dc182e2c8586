#!/usr/bin/env bash
# A real machine from power-on to a configured operating system: virtual machines with UEFI firmware, a real kernel and
# real disks, driven by a manager. run.sh INGOT INGOT_AGENT WORK_FOLDER
# Runs as root in a network namespace of its own. Exit status 77: something it needs is missing.
# MACHINES="vm-1" runs only some of them: vm-0 boots from virtual media with static settings, vm-1 by PXE, TFTP and iPXE,
# vm-2 by UEFI HTTP boot with static settings of the ramdisk. Only where they are named: vm-3 and vm-4 have BIOS firmware
# and boot by PXE and from virtual media; vm-5 runs a live ISO; vm-6 and vm-7 boot over IPv6, by UEFI HTTP boot and by PXE,
# TFTP and iPXE. A provisioning network is IPv4 or IPv6, so these two run without the others. vm-8 is vm-3 with a NIC that
# seems to have another PXE ROM than iPXE, behind a DHCP relay, and loads undionly.kpxe; it runs alone.
# vm-9 goes from its deploy agent into the system without the firmware (kexec). MACHINES=faults breaks things on purpose
# instead (faults.sh, 15 to 25 minutes).
set -euo pipefail
ingot=$(readlink -f "$1") agent=$(readlink -f "$2") work=$3
here=$(dirname "$(readlink -f "$0")")
mkdir -p "$work"
work=$(readlink -f "$work")
namespace=ingot-machines-$$
started=$SECONDS
machines=${MACHINES:-vm-0 vm-1 vm-2}
impatience=1
[ "$machines" != faults ] || impatience=5  # what never comes is given up that much sooner
own=172.22.0.1 dhcp=(--dhcp-interface provisioning --dhcp-range 172.22.0.100-172.22.0.150/24)
case " $machines " in
  " vm-8 ") dhcp=(--dhcp-range 172.22.0.100-172.22.0.150/24 --dhcp-listen 127.0.0.1:10067 --tftp-listen 172.22.0.1) ;;
  *" vm-8 "* | *" vm-"[67]" "*vm-[0-59]* | *vm-[0-59]*" vm-"[67]" "*)
    echo "vm-8, and vm-6 and vm-7 have networks of their own, so these cannot run together: $machines" >&2
    exit 2
    ;;
  *" vm-6 "* | *" vm-7 "*) own=[fd00:22::1] dhcp=(--dhcp-interface provisioning --dhcp6-range fd00:22::100-fd00:22::1ff/64) ;;
esac

say() { printf '[%4d s] %s\n' "$((SECONDS - started))" "$*"; }
fail() {
  say "FAILED: $*"
  say "manager: $(tail -3 "$work/serve.log" 2>/dev/null)"
  for log in "$work"/rack/*/console.log; do
    say "end of $log:"
    tail -c 1500 "$log" | tr -cd '[:print:]\n' | tail -12
  done
  exit 1
}
skip() {
  say "SKIPPED: $*"
  exit 77
}

[ "$(id -u)" = 0 ] || skip "needs root, for network namespaces"
for program in qemu-system-x86_64 ip curl kubectl mmdebstrap sfdisk mkfs.vfat mcopy depmod dpkg-deb python3; do
  command -v "$program" >/dev/null || skip "there is no $program (./dev test-machines installs what it needs)"
done
[ -e /usr/share/OVMF/OVMF_CODE_4M.fd ] || skip "there is no UEFI firmware (package ovmf)"
for loader in undionly.kpxe ipxe.efi; do
  [ -e "/usr/lib/ipxe/$loader" ] || skip "there is no $loader (package ipxe)"
done
ip netns add "$namespace" 2>/dev/null || skip "network namespaces are not allowed here"

children=()
stop() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  wait 2>/dev/null || true
  ip netns delete "$namespace" 2>/dev/null || true
}
trap stop EXIT

inside() { ip netns exec "$namespace" "$@"; }
# begin LOG PROGRAM...: in the background, to be stopped at the end
begin() {
  local log=$1
  shift
  ip netns exec "$namespace" "$@" >"$work/$log" 2>&1 &
  children+=($!)
}
kube() { inside kubectl --kubeconfig "$work/ingot/admin.kubeconfig" "$@"; }

prepare_network() {
  inside ip link set lo up
  inside ip link add provisioning type bridge
  inside ip address add 172.22.0.1/24 dev provisioning
  inside ip address add fd00:22::1/64 dev provisioning nodad
  inside ip link set provisioning up
  for n in 0 1 2 3 4 5 6 7 8 9; do
    inside ip tuntap add "vm$n" mode tap
    inside ip link set "vm$n" master provisioning up
  done
}

prepare_ramdisk() {
  if [ ! -e "$work/kernel/done" ]; then
    local package
    package=$(apt-cache depends linux-image-amd64 | awk '/Depends:/ {print $2; exit}')
    say "downloading $package"
    (cd "$work" && apt-get -q download "$package" >/dev/null 2>&1) || skip "cannot download $package"
    rm -rf "$work/kernel" && mkdir "$work/kernel"
    dpkg-deb -x "$work/${package}"_*.deb "$work/kernel"
    depmod -b "$work/kernel" "${package#linux-image-}"
    touch "$work/kernel/done"
  fi
  say "building the deploy ramdisk"
  "$ingot" ramdisk build --root "$work/kernel" --agent "$agent" --output "$work/ramdisk" 2>/dev/null | head -1
}

# An image that another image.sh has made may lack what a machine needs to start it.
prepare_image() {
  local recipe
  recipe=$(cat "$here/image.sh" "$here/bios_boot.sh" | sha256sum)
  if [ ! -e "$work/debian.raw" ] || [ "$(cat "$work/debian.recipe" 2>/dev/null)" != "$recipe" ]; then
    say "building a Debian image with cloud-init"
    "$here/image.sh" "$work/debian.raw.new" || skip "the image was not built; is the Debian mirror reachable?"
    mv "$work/debian.raw.new" "$work/debian.raw"
    echo "$recipe" >"$work/debian.recipe"
  fi
  checksum=$(sha256sum "$work/debian.raw" | cut -d' ' -f1)
}

# no_timer_check: on a busy machine an emulated timer may be late at boot, which the kernel takes for a broken one.
start() {
  rm -rf "$work/rack" "$work/ingot"
  begin rack.log "$ingot" rack --qemu --qemu-tap vm --inventory "$work/hosts.yaml" --data-dir "$work/rack"
  [ "$own" = 172.22.0.1 ] || begin router.log "$here/advertise.py" provisioning fd00:22::
  [ "$machines" != vm-8 ] || begin relay.log "$here/plain_rom.py" provisioning 172.22.0.1 10067
  begin images.log python3 -m http.server --bind "${own//[][]/}" --directory "$work" 8080
  begin serve.log "$ingot" serve --data-dir "$work/ingot" --ramdisk "$work/ramdisk" \
    --kernel-arguments "console=tty0 console=ttyS0,115200 no_timer_check" --boot-listen "$own:6180" \
    --agent-listen "$own:6385" "${dhcp[@]}" \
    --proxy socks5://127.0.0.1:1080=10.9.0.0/16 --rack-speed "$impatience"
  local _
  for _ in $(seq 100); do
    [ -e "$work/ingot/admin.kubeconfig" ] && kube get --raw /readyz >/dev/null 2>&1 && return
    sleep 0.2
  done
  fail "the manager does not answer"
}

# host_state NAME: provisioning state, and what is waited for
host_state() {
  kube get baremetalhost "$1" -o \
    jsonpath='{.status.provisioning.state}{" "}{.status.errorMessage}{" "}{.status.conditions[?(@.type=="Progressing")].message}'
}

# wait_state NAME STATE SECONDS
wait_state() {
  local shown='' now until=$((SECONDS + $3))
  while [ "$SECONDS" -lt "$until" ]; do
    now=$(host_state "$1" || true)
    if [ "${now%% *}" = "$2" ]; then
      say "$1 is $2"
      return
    fi
    [ "$now" = "$shown" ] || say "$1: $now"
    shown=$now
    sleep 2
  done
  fail "$1 is not $2 after $3 s: $shown"
}

# wait_console NAME TEXT SECONDS
wait_console() {
  local until=$((SECONDS + $3))
  say "$1: waiting for its console to say \"$2\""
  while [ "$SECONDS" -lt "$until" ]; do
    grep -aq "$2" "$work/rack/$1/console.log" && return
    sleep 2
  done
  fail "the console of $1 does not say \"$2\" after $3 s"
}

# write_host NAME NUMBER SCHEME [LINE OF THE SPEC]
write_host() {
  cat >"$work/$1.yaml" <<EOF
apiVersion: v1
kind: Secret
metadata: {name: $1-bmc, namespace: default}
stringData: {username: admin, password: not-a-secret}
---
apiVersion: v1
kind: Secret
metadata: {name: $1-network, namespace: default}
stringData:
  networkData: |
    links: [{id: nic0, type: phy, ethernet_mac_address: "52:54:00:aa:00:0$2"}]
    networks:
    - {id: net0, type: ipv4, link: nic0, ip_address: 172.22.0.5$2, netmask: 255.255.255.0}
    services: []
---
apiVersion: v1
kind: Secret
metadata: {name: $1-user, namespace: default}
stringData:
  userData: |
    #cloud-config
    hostname: machine-$2
    runcmd:
    - [sh, -c, 'echo "CLOUD-INIT host=\$(hostname) address=\$(ip -4 -o address show scope global | cut -d" " -f7) data=applied" >/dev/ttyS0']
---
apiVersion: metal3.io/v1alpha1
kind: BareMetalHost
metadata: {name: $1, namespace: default}
spec:
  online: true
  bootMACAddress: 52:54:00:aa:00:0$2
  ${4:-automatedCleaningMode: metadata}
  rootDeviceHints: {model: "Ingot SSD 480"}
  bmc: {address: $3+http://10.9.0.1$2:8000/redfish/v1/Systems/1, credentialsName: $1-bmc}
EOF
  cat "$work/$1.yaml" >>"$work/hosts.yaml"
  echo --- >>"$work/hosts.yaml"
}

write_hosts() {
  : >"$work/hosts.yaml"
  write_host vm-0 0 redfish-virtualmedia "preprovisioningNetworkDataName: vm-0-network"
  write_host vm-1 1 redfish
  write_host vm-2 2 redfish-uefihttp "preprovisioningNetworkDataName: vm-2-network"
  write_host vm-3 3 redfish "bootMode: legacy"
  write_host vm-4 4 redfish-virtualmedia $'preprovisioningNetworkDataName: vm-4-network\n  bootMode: legacy'
  write_host vm-5 5 redfish-virtualmedia "preprovisioningNetworkDataName: vm-5-network"
  write_host vm-6 6 redfish-uefihttp
  write_host vm-7 7 redfish
  write_host vm-8 8 redfish "bootMode: legacy"
  write_host vm-9 9 redfish-virtualmedia "preprovisioningNetworkDataName: vm-9-network"
}

provision() {
  kube patch baremetalhost "$1" --type merge -p "{\"spec\":{\"image\":{\"url\":\"http://$own:8080/debian.raw\",
    \"checksum\":\"$checksum\",\"checksumType\":\"sha256\",\"format\":\"raw\"},
    \"userData\":{\"name\":\"$1-user\",\"namespace\":\"default\"},
    \"networkData\":{\"name\":\"$1-network\",\"namespace\":\"default\"}}}" >/dev/null
}

# Nothing that a partitioning tool or firmware knows is left at the head of the disk.
check_wiped() {
  local head
  head=$(head -c 1048576 "$1" | tr -d '\0' | wc -c)
  [ "$head" = 0 ] || fail "$1 still has $head bytes in its first MiB"
  say "$1 is wiped"
}

# log_has NAME TEXT WHAT: the agent's last log
log_has() {
  "$ingot" logs "$1" --data-dir "$work/ingot" >"$work/$1.log" || fail "there is no agent's log of $1"
  grep -q "$2" "$work/$1.log" || fail "the agent's log of $1 does not have \"$2\": $(head -c 2000 "$work/$1.log")"
  say "$1: $3"
}

# applied NAME NUMBER: cloud-init has set the system up.
applied() {
  wait_console "$1" "CLOUD-INIT" 600
  local line
  line=$(grep -a -m1 "CLOUD-INIT host" "$work/rack/$1/console.log" | tr -d '\r')
  say "console: $line"
  case $line in
    *host=machine-$2*address=172.22.0.5$2/24*data=applied*) ;;
    *) fail "cloud-init did not apply host name, network and user data" ;;
  esac
}

given_back() {
  kube patch baremetalhost "$1" --type merge -p '{"spec":{"image":null,"userData":null,"networkData":null}}' >/dev/null
  wait_state "$1" available 900
  check_wiped "$work/rack/$1/sda.disk"
}

# From available to an operating system that cloud-init has set up, and back. life NAME NUMBER [bios]
# Only UEFI firmware has boot entries.
life() {
  provision "$1"
  wait_state "$1" provisioned 900
  [ "${3:-}" = bios ] || log_has "$1" '"boot_entry":{"entry":"Boot' "the agent made a boot entry"
  log_has "$1" '==> kernel <==' "the agent's and its kernel's log were handed over"
  ! grep -q 'ipa-agent-token=[^*]' "$work/$1.log" || fail "a token is in the agent's log of $1"
  [ "${3:-}" = bios ] || wait_console "$1" 'starting Boot[0-9A-F]* "Ingot"' 300
  applied "$1" "$2"
  given_back "$1"
  [ "${3:-}" = bios ] || log_has "$1" '"boot_entries_removed":\["Boot' "the boot entry went with the disk's system"
}

prepare_live_iso() {
  command -v xorriso >/dev/null || skip "there is no xorriso (./dev test-machines installs what it needs)"
  "$here/live_iso.sh" "$work/ramdisk/vmlinuz" "$work/live.iso" 2>/dev/null
}

# The life of a host that runs a live ISO from its virtual CD. The disk must not be written meanwhile: neither the mark
# that is put into it here nor its time of change may change. live NAME
live() {
  local disk=$work/rack/$1/sda.disk changed
  wait_off "$1"
  printf 'what a live system leaves alone' | dd of="$disk" bs=1M seek=10 conv=notrunc status=none
  changed=$(stat -c %Y.%y "$disk")
  kube patch baremetalhost "$1" --type merge -p \
    '{"spec":{"online":true,"image":{"url":"http://172.22.0.1:8080/live.iso","format":"live-iso"}}}' >/dev/null
  wait_state "$1" provisioned 600
  wait_console "$1" "LIVE-SYSTEM beat=3 .*live.system=from-iso" 400
  say "console: $(grep -am1 'LIVE-SYSTEM beat=3' "$work/rack/$1/console.log" | tr -d '\r')"
  [ "$(stat -c %Y.%y "$disk")" = "$changed" ] || fail "the disk of $1 was written"
  say "$1: its disk was not written"
  local lines until=$((SECONDS + 200))
  lines=$(live_lines "$1")
  kube annotate baremetalhost "$1" 'reboot.metal3.io={"mode":"hard"}' >/dev/null
  while [ "$(live_lines "$1")" -ge "$lines" ]; do
    [ "$SECONDS" -lt "$until" ] || fail "$1 was not restarted"
    sleep 1
  done
  wait_console "$1" "LIVE-SYSTEM beat=1 .*live.system=from-iso" 400
  [ "$(stat -c %Y.%y "$disk")" = "$changed" ] || fail "the disk of $1 was written"
  say "$1: after a restart it runs the live system again, and its disk was not written"
  kube patch baremetalhost "$1" --type merge -p '{"spec":{"image":null}}' >/dev/null
  wait_state "$1" available 900
  check_wiped "$disk"
  grep -aq "what a live system leaves alone" <(dd if="$disk" bs=1M skip=10 count=1 status=none) ||
    fail "cleaning of metadata took more than metadata"
}

# deployed NAME NUMBER: provisions; the time from the order to leave the agent to cloud-init's last word is `took`.
deployed() {
  local now='' until=$((SECONDS + 900))
  provision "$1"
  until [[ $now =~ ^provisioned|96\ % ]]; do
    [ "$SECONDS" -lt "$until" ] || fail "the image was not written to $1: $now"
    now=$(host_state "$1" || true)
  done
  local began=$SECONDS
  applied "$1" "$2"
  took=$((SECONDS - began))
  wait_state "$1" provisioned 60
}

# Into the system without the firmware; its next start; for comparison the same with the firmware. kexec NAME NUMBER
kexec() {
  local took without
  kube annotate baremetalhost "$1" ingot.io/kexec=true >/dev/null
  deployed "$1" "$2"
  without=$took
  ! grep -aq 'starting Boot[0-9A-F]* "Ingot"' "$work/rack/$1/console.log" || fail "$1 went through its firmware"
  kube annotate baremetalhost "$1" 'reboot.metal3.io={"mode":"hard"}' >/dev/null
  wait_console "$1" 'starting Boot[0-9A-F]* "Ingot"' 300
  wait_console "$1" "login:" 600
  say "$1: its next start was from its disk, by its firmware"
  given_back "$1"
  kube annotate --overwrite baremetalhost "$1" ingot.io/kexec=false >/dev/null
  deployed "$1" "$2"
  grep -aq 'starting Boot[0-9A-F]* "Ingot"' "$work/rack/$1/console.log" || fail "$1 did not go through its firmware"
  say "$1: from the written image to cloud-init's end: $without s without the firmware, $took s with it"
  given_back "$1"
}

# wait_off NAME: until its server has no power.
wait_off() {
  kube patch baremetalhost "$1" --type merge -p '{"spec":{"online":false}}' >/dev/null
  local until=$((SECONDS + 120))
  while [ "$SECONDS" -lt "$until" ]; do
    [ "$(kube get baremetalhost "$1" -o jsonpath='{.status.poweredOn}')" = false ] && return
    sleep 1
  done
  fail "$1 is not off"
}

# The lines of the live system; QEMU begins the console's file anew with each run of the machine.
live_lines() { grep -ac 'LIVE-SYSTEM' "$work/rack/$1/console.log" || true; }

# register NAME HOW: registers the machine, where it is one of those that are to run.
register() {
  case " $machines " in
    *" $1 "*) say "$1: $2: inspecting and cleaning" ;;
    *) return 1 ;;
  esac
  kube apply -f "$work/$1.yaml" >/dev/null
}

inspected() {
  wait_state "$1" available 900
  kube get baremetalhost "$1" -o jsonpath='{.status.hardware.cpu.model}, {.status.hardware.ramMebibytes} MiB{"\n"}'
}

# is_bios NAME: the kernel of its deploy agent says nothing of EFI.
is_bios() {
  local log=$work/rack/$1/console.log
  grep -aq 'Command line:.*boot_method=' "$log" || fail "$1: no kernel has spoken on its console"
  grep -aq 'efi: EFI v' "$log" && fail "$1 was started by UEFI firmware"
  say "$1: its kernel was started by BIOS firmware"
}

# Firmware may lack HTTP boot. Status 1: it has not asked for the image.
firmware_loads_http() {
  local now shown='' until=$((SECONDS + 400))
  while [ "$SECONDS" -lt "$until" ]; do
    now=$(host_state "$1" || true)
    case $now in
      *"ramdisk loaded"* | *"agent looked us up"* | available*) return 0 ;;
    esac
    [ "$now" = "$shown" ] || say "$1: $now"
    shown=$now
    sleep 2
  done
  return 1
}

write_hosts
prepare_network
prepare_ramdisk
prepare_image
start
if register vm-0 "virtual media with static settings, without DHCP"; then
  inspected vm-0
  life vm-0 0
fi
if register vm-1 "PXE with iPXE by TFTP"; then
  inspected vm-1
  grep '"boot loader sent"' "$work/serve.log" | grep -q ipxe.efi || fail "vm-1 did not load ipxe.efi by TFTP"
  life vm-1 1
fi
if register vm-2 "UEFI HTTP boot"; then
  if firmware_loads_http vm-2; then
    inspected vm-2
    grep -aq 'the network is up.*"address":"172.22.0.52"' "$work/rack/vm-2/console.log" ||
      fail "vm-2 did not take its static network settings"
    life vm-2 2
  else
    say "vm-2: NOT SHOWN: this firmware loads nothing by HTTP: $(host_state vm-2)"
  fi
fi
if register vm-3 "BIOS, PXE with iPXE"; then
  inspected vm-3
  is_bios vm-3
  life vm-3 3 bios
fi
if register vm-4 "BIOS, virtual media with static settings, without DHCP"; then
  inspected vm-4
  is_bios vm-4
  life vm-4 4 bios
fi
if register vm-5 "a live ISO by virtual media"; then
  prepare_live_iso
  inspected vm-5
  live vm-5
fi
if register vm-6 "UEFI HTTP boot over IPv6"; then
  inspected vm-6
  life vm-6 6
fi
if register vm-7 "PXE with iPXE by TFTP, over IPv6"; then
  inspected vm-7
  grep '"boot loader sent"' "$work/serve.log" | grep -q ipxe.efi || fail "vm-7 did not load ipxe.efi by TFTP"
  life vm-7 7
fi
if register vm-8 "BIOS, PXE with undionly.kpxe by TFTP"; then
  inspected vm-8
  is_bios vm-8
  grep '"boot loader sent"' "$work/serve.log" | grep -q undionly.kpxe || fail "vm-8 did not load undionly.kpxe by TFTP"
  life vm-8 8 bios
fi
if register vm-9 "virtual media, then kexec"; then
  inspected vm-9
  kexec vm-9 9
fi
if [ "$machines" = faults ]; then . "$here/faults.sh"; fi
say "passed"
