#!/usr/bin/env bash
# DHCP and TFTP on real sockets, broadcast included: a manager in one network namespace, firmware in another.
# run.sh INGOT LEASE6 TEST_AGENT. Runs as root. Exit status 77: something it needs is missing.
set -euo pipefail
ingot=$(readlink -f "$1") lease6=$(readlink -f "$2") test_agent=$(readlink -f "$3")
here=$(dirname "$(readlink -f "$0")")
skip() {
  echo "netboot: SKIPPED: $*"
  exit 77
}
[ "$(id -u)" = 0 ] || skip "needs root, for network namespaces"
for program in ip kubectl curl python3; do command -v "$program" >/dev/null || skip "there is no $program"; done
loaders=/usr/lib/ipxe
[ -e "$loaders/ipxe.efi" ] || skip "there is no $loaders/ipxe.efi (package ipxe)"
work=$(mktemp -d)
manager=ingot-netboot-m-$$ client=ingot-netboot-c-$$
ip netns add "$manager" 2>/dev/null || skip "network namespaces are not allowed here"
ip netns add "$client"
children=()
stop() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  wait 2>/dev/null || true
  ip netns delete "$manager"
  ip netns delete "$client"
  rm -rf "$work"
}
trap stop EXIT
fail() {
  echo "netboot: FAILED: $*"
  tail -n 5 "$work/serve.log" "$work/rack.log" 2>/dev/null || true
  exit 1
}
manages() { ip netns exec "$manager" "$@"; }
boots() { ip netns exec "$client" "$@"; }
kube() { manages kubectl --kubeconfig "$work/ingot/admin.kubeconfig" "$@"; }

mac=52:54:00:bb:00:01 other=52:54:00:bb:00:02
ip link add prov0 netns "$manager" type veth peer name prov1 netns "$client"
manages ip link set lo up
manages ip address add 172.23.0.1/24 dev prov0
manages ip link set prov0 up
boots ip link set lo up
boots ip link set prov1 up

# The BMC is a simulated one; its server gets no DHCP, so that this script can play its firmware.
cat >"$work/host.yaml" <<EOF
apiVersion: v1
kind: Secret
metadata: {name: bmc, namespace: default}
stringData: {username: admin, password: not-a-secret}
---
apiVersion: metal3.io/v1alpha1
kind: BareMetalHost
metadata: {name: one, namespace: default}
spec:
  online: true
  bootMACAddress: $mac
  bmc: {address: redfish+http://10.9.0.10:8000/redfish/v1/Systems/1, credentialsName: bmc}
EOF

# start FLAGS...: rack and manager, until the host waits for DHCP
start() {
  rm -rf "$work/rack" "$work/ingot"
  ip netns exec "$manager" "$ingot" rack --inventory "$work/host.yaml" --data-dir "$work/rack" --speed 20 >"$work/rack.log" 2>&1 &
  children+=($!)
  ip netns exec "$manager" "$ingot" serve --data-dir "$work/ingot" --boot-listen "${own:-172.23.0.1}:6180" --agent-listen "${own:-172.23.0.1}:6385" \
    --dhcp-interface prov0 "$@" --proxy socks5://127.0.0.1:1080=10.9.0.0/16 >"$work/serve.log" 2>&1 &
  children+=($!)
  local _
  for _ in $(seq 150); do
    kube apply -f "$work/host.yaml" >/dev/null 2>&1 && break
    sleep 0.2
  done
  for _ in $(seq 150); do
    kube get bmh one -o jsonpath='{.status.conditions[?(@.type=="Progressing")].message}' 2>/dev/null |
      grep -q 'no DHCP request' && return
    sleep 0.2
  done
  fail "the host does not come to wait for DHCP: $(kube get bmh one -o yaml 2>&1 | tail -n 20)"
}
halt() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  wait
  children=()
}
# expect PATTERN SUBJECT...: what firmware hears
expect() {
  local pattern=$1 heard
  shift
  heard=$(boots "$here/firmware.py" prov1 "${asks:-$mac}" "$@")
  [[ $heard == $pattern ]] || fail "$* heard \"$heard\", not \"$pattern\""
  echo "ok    $heard"
}
load() { boots curl -sS --max-time 4 --path-as-is "$@"; }
loads() {  # OPTIONS...: ipxe.efi arrives whole
  load -o "$work/got" "$@" "tftp://${own:-172.23.0.1}/ipxe.efi" || fail "TFTP with $*"
  cmp -s "$work/got" "$loaders/ipxe.efi" || fail "TFTP with $* gave other bytes"
  echo "ok    ipxe.efi by TFTP $*"
}
refused() {  # WHAT CURL_ARGUMENTS...
  local what=$1
  shift
  if load -o "$work/got" "$@" 2>/dev/null; then fail "$what was served"; fi
  echo "ok    refused: $what"
}

manages "$here/lldp.py" prov0 &
children+=($!)
INGOT_LLDP_INTERFACE=prov1 boots "$test_agent" -tc="lldp: a frame on a wire*" >"$work/lldp.out" ||
  fail "the agent did not hear the switch: $(cat "$work/lldp.out")"
grep -q "test cases: *1 *| *1 passed" "$work/lldp.out" || fail "the agent was not asked: $(cat "$work/lldp.out")"
echo "ok    LLDP of a switch"
halt

start --dhcp-range 172.23.0.100-172.23.0.110/24
asks=$other expect "uefi: silence" uefi
expect "bios: type=2 * next=172.23.0.1 file=undionly.kpxe class=PXEClient *" bios
expect "http: type=2 * file=http://172.23.0.1:6180/boot/*/ipxe.efi class=HTTPClient *" http
refused "a boot loader before there is a lease" tftp://172.23.0.1/ipxe.efi
expect "lease: type=5 address=172.23.0.1* next=172.23.0.1 file=ipxe.efi class=PXEClient lease=3600" lease
address=$(boots "$here/firmware.py" prov1 "$mac" lease | sed 's/.*address=\([0-9.]*\).*/\1/')
boots ip address add "$address/24" dev prov1
boots ip address add 172.23.0.200/24 dev prov1
loads
loads --tftp-blksize 1468
loads --tftp-blksize 65464
loads --tftp-no-options
refused "another path" tftp://172.23.0.1//etc/hostname
refused "a path upwards" tftp://172.23.0.1/../../../etc/hostname
refused "an unknown file" tftp://172.23.0.1/ipxe.lkrn
refused "writing" -T "$work/host.yaml" tftp://172.23.0.1/ipxe.efi
refused "another machine" --interface 172.23.0.200 tftp://172.23.0.1/ipxe.efi
expect "ipxe: type=2 * file=http://172.23.0.1:6180/boot/ipxe/52-54-00-bb-00-01 class=PXEClient *" ipxe
url=http://172.23.0.1:6180/boot/ipxe/52-54-00-bb-00-01
load "$url" | grep -q "^#!ipxe" || fail "there is no boot script at $url"
load "$url" | grep -q "^#!ipxe" && fail "the boot script was given out twice"
refused "a boot loader after the script" tftp://172.23.0.1/ipxe.efi
counts() {  # COUNTER: it is exported and not zero
  kube get --raw /metrics >"$work/metrics"
  grep -q "^$1 [1-9]" "$work/metrics" || fail "/metrics does not count $1: $(grep refused "$work/metrics")"
  echo "ok    $1"
}
for reason in 'dhcp",reason="unexpected' 'tftp",reason="path' 'tftp",reason="write' 'tftp",reason="unexpected' 'http",reason="boot_path'; do
  counts "ingot_boot_refused_total{service=\"$reason\"}"
done
counts 'ingot_boot_host_refused_total{namespace="default",host="one",service="tftp",reason="path"}'
expect "renew: type=5 address=$address * file= class= lease=3600" renew "$address"
halt

boots ip address flush dev prov1
start --dhcp-proxy
expect "uefi: type=2 address=0.0.0.0 next=172.23.0.1 file=ipxe.efi class=PXEClient lease=0" uefi
expect "renew: silence" renew 172.23.0.77
boots ip address add 172.23.0.77/24 dev prov1
loads
halt

# The same with IPv6. The server knows its clients by their link-local addresses, which are made from their MACs.
own=[fd00:23::1]
shown='\[fd00:23::1\]'  # as a pattern
manages ip address add fd00:23::1/64 dev prov0 nodad
six_as() {  # MAC: prov1 has it, and no other address than the one made from it
  boots ip link set prov1 down
  boots ip link set prov1 address "$1"
  boots ip link set prov1 up
  local _
  for _ in $(seq 50); do
    boots ip -6 address show dev prov1 scope link -tentative 2>/dev/null | grep -q fe80 && return
    sleep 0.2
  done
  fail "prov1 gets no link-local address"
}
expect6() {  # PATTERN SUBJECT...
  local pattern=$1 heard
  shift
  heard=$(boots "$here/firmware6.py" prov1 "$@")
  [[ $heard == $pattern ]] || fail "$* heard \"$heard\", not \"$pattern\""
  echo "ok    IPv6 $heard"
}
start --dhcp6-range fd00:23::100-fd00:23::10f/64
six_as "$other"
expect6 "uefi: silence" uefi
counts 'ingot_boot_refused_total{service="dhcp6",reason="unexpected"}'
six_as "$mac"
expect6 "http: type=2 * file=http://$shown:6180/boot/*/ipxe.efi class=HTTPClient" http
expect6 "stateless: type=7 address= file=tftp://$shown/ipxe.efi class=" stateless
expect6 "lease: type=7 address=fd00:23::10* file=tftp://$shown/ipxe.efi class=" lease
address=$(boots "$here/firmware6.py" prov1 lease | sed 's/.*address=\([0-9a-f:]*\).*/\1/')
boots ip address add "$address/64" dev prov1 nodad
loads
loads --tftp-blksize 1428
boots ip address add fd00:23::200/64 dev prov1 nodad
refused "another machine by IPv6" --interface fd00:23::200 "tftp://$own/ipxe.efi"
boots ip address delete fd00:23::200/64 dev prov1
expect6 "ipxe: type=2 * file=http://$shown:6180/boot/ipxe/52-54-00-bb-00-01 *" ipxe
load "http://$own:6180/boot/ipxe/52-54-00-bb-00-01" | grep -qF "ipa-api-url=https://$own:6385" || fail "no boot script by IPv6"
echo "ok    boot script by IPv6"
boots ip address flush dev prov1 scope global
heard=$(boots timeout 60 "$lease6" prov1 "$mac") || fail "the ramdisk's client: $heard"
[[ $heard == fd00:23::10*"/64 by DHCPv6"*"renewed for 3600 s" ]] || fail "the ramdisk's client: $heard"
echo "ok    the ramdisk's client: ${heard//$'\n'/, }"
boots ip address flush dev prov1 scope global
if command -v dhclient >/dev/null; then
  printf 'request dhcp6.name-servers;\n' >"$work/dhclient.conf"
  boots timeout 60 dhclient -6 -1 -cf "$work/dhclient.conf" -lf "$work/leases6" -pf "$work/dhclient.pid" -sf /bin/true prov1 ||
    fail "dhclient -6 gets no lease"
  grep -q "iaaddr fd00:23::10" "$work/leases6" || fail "dhclient -6 got another address: $(cat "$work/leases6")"
  boots timeout 60 dhclient -6 -r -cf "$work/dhclient.conf" -lf "$work/leases6" -pf "$work/dhclient.pid" -sf /bin/true prov1 ||
    fail "dhclient -6 cannot give its lease back"
  echo "ok    dhclient -6 got $(grep -o 'iaaddr [0-9a-f:]*' "$work/leases6" | head -1) and gave it back"
else
  echo "      not shown: dhclient -6 (there is no isc-dhcp-client)"
fi
echo "netboot: passed"
