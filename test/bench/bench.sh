# shellcheck shell=bash
# `./dev bench`: starts what each measurement needs, in a fresh directory on the disk that is measured, and removes it
# again. Sourced by ./dev after tools/demo.sh, whose functions start a rack and a manager.

bench_runs=1
bench_hosts=(200 1000)
bench_speed=300  # enrolment takes hardware about six minutes; at this speed about a second
bench_rounds=5
bench_only=
bench_build=$PWD/build-release

bench_options() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --hosts | --runs | --only)
        [ $# -ge 2 ] || fail "$1 needs a value"
        case "$1" in
          --hosts) read -ra bench_hosts <<<"${2//,/ }" ;;
          --runs) bench_runs=$2 ;;
          --only) bench_only=$2 ;;
        esac
        shift
        ;;
      *) fail "bench does not know '$1'; it takes --runs N, --hosts N,N and --only with some of store,api,watch,enrolment,bring-up,added,image" ;;
    esac
    shift
  done
  [[ $bench_runs =~ ^[1-9][0-9]*$ ]] || fail "--runs must be a number above 0, not '$bench_runs'"
}

# bench_inventory COUNT: as many BareMetalHosts with Secrets; BMC kinds and disks as in the samples' inventory.
bench_inventory() {
  awk -v count="$1" 'BEGIN {
    print "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: bench"
    split("redfish+https:// ipmi:// redfish-virtualmedia+https://", scheme, " ")
    for (i = 0; i < count; i++) {
      name = sprintf("server-%04d", i)
      address = sprintf("192.168.%d.%d", 1 + int(i / 250), 1 + i % 250)
      kind = scheme[1 + i % 3]
      path = kind == "ipmi://" ? "" : "/redfish/v1/Systems/1"
      printf "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s-bmc\n  namespace: bench\ntype: Opaque\n", name
      printf "stringData:\n  username: admin\n  password: rack-secret-%04d\n", i
      printf "---\napiVersion: metal3.io/v1alpha1\nkind: BareMetalHost\nmetadata:\n  name: %s\n  namespace: bench\n", name
      printf "  labels:\n    rack: \"%d\"\n    role: worker\n", 1 + int(i / 40)
      printf "spec:\n  online: true\n  bootMACAddress: \"52:54:01:00:%02x:%02x\"\n", int(i / 256), i % 256
      printf "  bmc:\n    address: %s%s%s\n    credentialsName: %s-bmc\n", kind, address, path, name
      print "    disableCertificateVerification: true\n  rootDeviceHints:\n    deviceName: /dev/nvme0n1"
      print "  automatedCleaningMode: metadata"
    }
  }'
}

bench_pid() {  # NAME of a child
  local child
  for child in "${demo_children[@]}"; do
    if [ "${child#* }" = "$1" ]; then say "${child%% *}"; fi
  done
}

bench_line() { printf '| %-50s | %8s %s |\n' "$1" "$2" "$3"; }
bench_memory() { awk '/^VmRSS:/ {printf "%.2f", $2 / 1024}' "/proc/$1/status"; }
# Seconds that a process has computed; proc(5).
bench_cpu() { sed 's/.*) //' "/proc/$1/stat" | awk -v hz="$(getconf CLK_TCK)" '{printf "%.2f", ($12 + $13) / hz}'; }

# Ends what runs and removes its directory.
bench_stop() {
  local child
  for child in "${demo_children[@]}"; do kill -TERM "${child%% *}" 2>/dev/null || true; done
  for child in "${demo_children[@]}"; do wait "${child%% *}" 2>/dev/null || true; done
  demo_children=()
  rm -rf "$demo_dir"
  demo_dir=
}

bench_directory() {
  demo_dir=
  demo_directory
}

bench_store() {
  bench_directory
  "$bench_build"/bench_store "$demo_dir"
  bench_stop
}

bench_start_manager() {
  api_port=$(demo_port 26443)
  demo_start serve --data-dir "$demo_dir/ingot" --listen "127.0.0.1:$api_port" \
    --agent-listen "127.0.0.1:$(demo_port 26385)" --boot-listen "127.0.0.1:$(demo_port 26180)"
  demo_wait 30 "Ingot answers" grep -q KUBECONFIG "$demo_dir/serve.out"
}

bench_api() {
  local pid before
  bench_directory
  bench_start_manager
  pid=$(bench_pid serve)
  sleep 2  # what starting left to do
  bench_line "resident memory of the manager at start" "$(bench_memory "$pid")" MiB
  before=$(bench_cpu "$pid")
  sleep 10
  bench_line "processor time of an idle manager in 10 s" \
    "$(awk -v a="$before" -v b="$(bench_cpu "$pid")" 'BEGIN {printf "%.2f", b - a}')" s
  "$bench_build"/bench_api --kubeconfig "$demo_dir/ingot/admin.kubeconfig" --process "$pid" ||
    demo_failed "bench_api failed"
  bench_line "resident memory of the manager after that" "$(bench_memory "$pid")" MiB
  bench_stop
}

# A fresh manager for each row, so that the memory of one does not hide in what another left.
bench_watch() {
  local row head=1
  for row in "1 100 1" "1 1000 1" "2 100 100" "2 1000 100" "2 5000 100" "2 1000 10"; do
    set -- $row
    bench_directory
    bench_start_manager
    "$bench_build"/bench_watch --kubeconfig "$demo_dir/ingot/admin.kubeconfig" --process "$(bench_pid serve)" \
      --http "$1" --watchers "$2" --per-connection "$3" --head "$head" || demo_failed "bench_watch failed"
    head=0
    bench_stop
  done
}

# bench_bring_up SPEED INVENTORY [MANIFEST...]
bench_bring_up() {
  local range pid before
  demo_speed=$1
  demo_inventory=$2
  demo_dhcp_range=172.22.1.1-172.22.15.250/16
  demo_start_rack
  demo_start_manager
  pid=$(bench_pid serve)
  shift
  "$bench_build"/bench_bring_up --kubeconfig "$demo_dir/ingot/admin.kubeconfig" --process "manager=$pid" \
    --process "rack=$(bench_pid rack)" "$@" || demo_failed "bench_bring_up failed"
  before=$(bench_cpu "$pid")
  sleep 10
  bench_line "processor time of the manager in 10 s after that" \
    "$(awk -v a="$before" -v b="$(bench_cpu "$pid")" 'BEGIN {printf "%.2f", b - a}')" s
  bench_stop
}

bench_enrolment() {
  local hosts
  for hosts in "${bench_hosts[@]}"; do
    bench_directory
    bench_inventory "$hosts" >"$demo_dir/inventory.yaml"
    bench_bring_up "$bench_speed" "$demo_dir/inventory.yaml"
  done
}

bench_clusters() {
  bench_directory
  bench_bring_up 60 samples/inventory-20-servers.yaml samples/three-clusters.yaml
}

# bench_best NAME COMMAND...: keeps the times, and the least time and processor time, of all calls with this NAME.
declare -A bench_least bench_least_cpu bench_times
bench_best() {
  local name=$1 start cpu before seconds
  shift
  rm -f "$demo_dir/disk"
  sync
  start=$EPOCHREALTIME
  before=$(bench_children_cpu)
  "$@" >"$demo_dir/best.out" || demo_failed "$1 failed"
  cpu=$(awk -v a="$before" -v b="$(bench_children_cpu)" 'BEGIN {printf "%.2f", b - a}')
  seconds=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.2f", b - a}')
  bench_times[$name]+="$seconds "
  bench_least[$name]=$(bench_lower "${bench_least[$name]:-}" "$seconds")
  bench_least_cpu[$name]=$(bench_lower "${bench_least_cpu[$name]:-}" "$cpu")
}
bench_median() { tr ' ' '\n' <<<"${bench_times[$1]}" | sed '/^$/d' | sort -n | awk '{a[NR] = $1} END {print a[int((NR + 1) / 2)]}'; }
bench_lower() { awk -v a="$1" -v b="$2" 'BEGIN {print (a == "" || b < a ? b : a)}'; }
# Of the commands that have ended.
bench_children_cpu() { awk -v hz="$(getconf CLK_TCK)" '{printf "%.2f", ($16 + $17) / hz}' "/proc/$$/stat"; }

bench_peak_memory() { awk '/^VmHWM:/ {printf "%.0f", $2 / 1024}' "/proc/$(bench_pid "$1")/status"; }

bench_image_server() {  # NAME MODE...: starts it, gives its port in bench_port
  local name=$1
  shift
  "$bench_build"/bench_image "$@" >"$demo_dir/$name.out" 2>&1 &
  demo_children+=("$! $name")
  demo_wait 300 "$name serves" grep -q ^port "$demo_dir/$name.out"
  bench_port=$(sed -n 's/^port //p' "$demo_dir/$name.out")
}

bench_readback() {
  local at part=(bs=1M count=128 status=none)
  dd if="$demo_dir/files/raw" of="$demo_dir/disk" bs=1M conv=sparse,fsync oflag=direct status=none
  for at in 0 512 1024 1536 2048 2560 3072 3584; do
    dd if="$demo_dir/disk" iflag=direct skip="$at" "${part[@]}" |
      cmp - <(dd if="$demo_dir/files/raw" skip="$at" "${part[@]}")
  done
}

bench_image_write() {  # NAME URL SHA256 [unverified]
  local format=raw
  case $1 in cached*) format="block map" ;; esac
  bench_best "$1" "$bench_build"/bench_image write "$2" "$3" "$format" "$demo_dir/disk" $((5 << 30)) "${@:4}"
  bench_peak=$(awk -v a="$bench_peak" '{print ($5 > a ? $5 : a)}' "$demo_dir/best.out")
  [ "$bench_compared" = "${bench_compared#*"$1"}" ] || return 0
  bench_compared="$bench_compared $1"
  cmp -n $((4 << 30)) "$demo_dir/files/raw" "$demo_dir/disk" || demo_failed "the disk is not the image"
}

bench_pull() {  # URL COUNT MIB
  "$bench_build"/bench_image pull "$@" >"$demo_dir/pull.out" || demo_failed "pulling failed"
}

bench_image_row() {  # NAME TITLE [MEASURE]
  local measure=${3:-zstd}
  # In percent of the speed of the measure, by the best rounds and by those in the middle.
  printf '| %-54s | %5s s | %5s s | %5s s | %4s %% | %4s %% |\n' "$2" "${bench_least[$1]}" "$(bench_median "$1")" \
    "${bench_least_cpu[$1]}" "$(bench_share "${bench_least[$measure]}" "${bench_least[$1]}")" \
    "$(bench_share "$(bench_median "$measure")" "$(bench_median "$1")")"
}
bench_share() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.0f", 100 * a / b}'; }

# Half of what is used compresses well, half not at all. Everything takes turns, so that other work on the machine
# disturbs all of it alike.
bench_image() {
  local piece port cache_port sum raw_sum cache_sum round
  bench_least=() bench_least_cpu=() bench_times=() bench_peak=0 bench_compared=
  bench_directory
  mkdir "$demo_dir/files"
  truncate -s 4G "$demo_dir/files/raw"
  for piece in 0 1 2 3 4 5 6 7; do
    head -c 64M /dev/urandom | dd of="$demo_dir/files/raw" bs=1M seek=$((piece * 512)) conv=notrunc status=none
    head -c 48M /dev/urandom | base64 -w 0 |
      dd of="$demo_dir/files/raw" bs=1M seek=$((piece * 512 + 64)) conv=notrunc status=none
  done
  zstd -q -3 -T0 "$demo_dir/files/raw" -o "$demo_dir/files/zst"
  raw_sum=$(sha256sum <"$demo_dir/files/raw" | cut -d' ' -f1)
  sum=$(sha256sum <"$demo_dir/files/zst" | cut -d' ' -f1)
  bench_image_server files serve "$demo_dir/files"
  port=$bench_port
  bench_image_server cache cache "$demo_dir/cache" "http://127.0.0.1:$port/zst" "$sum" raw
  cache_port=$bench_port
  cache_sum=$(sed -n 's/^sha256 //p' "$demo_dir/cache.out")
  for ((round = 0; round < bench_rounds; round++)); do
    bench_best dd dd if="$demo_dir/files/raw" of="$demo_dir/disk" bs=1M conv=sparse,fsync status=none
    bench_best direct dd if="$demo_dir/files/raw" of="$demo_dir/disk" bs=1M conv=sparse,fsync oflag=direct status=none
    bench_best readback bench_readback
    bench_best zstd sh -c "zstd -q -d --sparse '$demo_dir/files/zst' -o '$demo_dir/disk' && sync '$demo_dir/disk'"
    bench_best curl sh -c "curl -s http://127.0.0.1:$port/zst | zstd -q -d --sparse -o '$demo_dir/disk' &&
      sync '$demo_dir/disk'"
    bench_best sha openssl dgst -sha256 "$demo_dir/files/raw"
    bench_image_write cached "http://127.0.0.1:$cache_port/image" "$cache_sum"
    bench_image_write cached-unverified "http://127.0.0.1:$cache_port/image" "$cache_sum" unverified
    bench_image_write packed "http://127.0.0.1:$port/zst" "$sum"
    bench_image_write packed-unverified "http://127.0.0.1:$port/zst" "$sum" unverified
    bench_image_write raw "http://127.0.0.1:$port/raw" "$raw_sum"
  done
  say "of $bench_rounds rounds: elapsed, best and median; least processor time (without the server's); share of the speed of
zstd -d (the raw file: of dd with reading back), best and median"
  bench_image_row dd "dd conv=sparse,fsync, local file"
  bench_image_row direct "the same with oflag=direct"
  bench_image_row readback "the same, then its used parts read back and compared"
  bench_image_row zstd "zstd -d --sparse, sync, local file"
  bench_image_row curl "curl into zstd -d --sparse, sync"
  bench_image_row sha "SHA-256 of the raw image alone (openssl)"
  bench_image_row cached "agent from the image cache, verified"
  bench_image_row cached-unverified "  without reading back"
  bench_image_row packed "agent from a zstd file, verified"
  bench_image_row packed-unverified "  without reading back"
  bench_image_row raw "agent from the raw file, verified" readback
  bench_line "peak memory of the agent's writer" "$bench_peak" MiB
  bench_line "cache: download, check, convert" "$(awk '/^made/ {print $2}' "$demo_dir/cache.out")" s
  bench_pull "http://127.0.0.1:$cache_port/image" 200 256
  bench_line "200 clients pull it (256 MiB each): all together" "$(awk '{print $3}' "$demo_dir/pull.out")" MB/s
  bench_line "peak memory of the server" "$(bench_peak_memory cache)" MiB
  head -c 27M /dev/urandom >"$demo_dir/files/initrd"
  bench_image_server boot serve "$demo_dir/files"
  bench_pull "http://127.0.0.1:$bench_port/initrd" 200 27
  bench_line "200 servers load a ramdisk of 27 MiB: all together" "$(awk '{print $1}' "$demo_dir/pull.out")" s
  bench_line "peak memory of the server" "$(bench_peak_memory boot)" MiB
  bench_stop
}

bench_part() {  # NAME TITLE COMMAND...
  local name=$1 title=$2 run
  shift 2
  [ -z "$bench_only" ] || [[ ",$bench_only," = *",$name,"* ]] || return 0
  for ((run = 1; run <= bench_runs; run++)); do
    say ""
    say "== $title (run $run of $bench_runs; load $(cut -d' ' -f1 /proc/loadavg))"
    "$@"
  done
}

bench() {
  bench_options "$@"
  install_packages "${build_packages[@]}"
  build_in "$bench_build" release ingot bench_store bench_api bench_watch bench_bring_up bench_provision bench_image
  demo_ingot=$bench_build/ingot
  trap demo_cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  say "$(git rev-parse --short HEAD 2>/dev/null || say 'no commit'), $(date -u +%F), $(nproc) processors:$(
    sed -n 's/^model name[^:]*://p' /proc/cpuinfo | head -n 1), $(awk '/^MemTotal:/ {printf "%.0f", $2 / 1048576}' \
    /proc/meminfo) GiB"
  bench_part store "store: durable puts, lists" bench_store
  bench_part api "manager alone: memory, API over HTTPS" bench_api
  bench_part watch "watches over HTTPS: memory when idle, events to all" bench_watch
  bench_part enrolment "enrolment on a rack at $bench_speed times real speed" bench_enrolment
  bench_part bring-up "20 servers, 3 clusters at 60 times real speed" bench_clusters
  bench_part image "a 4 GiB image with 1 GiB used to a disk file; 200 clients of one image" bench_image
  bench_part added "virtual time: what the manager adds to the hardware's time" "$bench_build"/bench_provision
}
