# shellcheck shell=bash
# `./dev demo`: Ingot beside a simulated rack, three clusters, live progress. Sourced by ./dev.

demo_speed=60
demo_inventory=samples/inventory-20-servers.yaml
demo_dhcp_range=172.22.0.100-172.22.0.250/24
demo_exit=no
demo_dir=
demo_fresh=no     # the directory is ours to remove
demo_children=()  # "PID NAME" of what we started
demo_phases=()
demo_phase=
demo_phase_began=

demo_options() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --exit) demo_exit=yes ;;
      --speed=*) demo_speed=${1#*=} ;;
      --data-dir=*) demo_dir=${1#*=} ;;
      --speed | --data-dir)
        [ $# -ge 2 ] || fail "$1 needs a value"
        if [ "$1" = --speed ]; then demo_speed=$2; else demo_dir=$2; fi
        shift
        ;;
      *) fail "demo does not know '$1'; it takes --exit, --speed N and --data-dir DIR" ;;
    esac
    shift
  done
  [[ $demo_speed =~ ^[0-9]+(\.[0-9]+)?$ && ! $demo_speed =~ ^0+(\.0+)?$ ]] || fail "--speed must be a number above 0, not '$demo_speed'"
}

# Names the phase that begins, with more to say about it in the second argument; the one before is over.
demo_begin() {
  local now=${EPOCHREALTIME/,/.}
  if [ -n "$demo_phase" ]; then
    demo_phases+=("$(awk -v a="$demo_phase_began" -v b="$now" -v name="$demo_phase" \
      'BEGIN {printf "  %-12s %7.1f s", name, b - a}')")
  fi
  demo_phase=$1
  demo_phase_began=$now
  if [ -n "$1" ]; then
    say ""
    say "== $1${2:+: $2}"
  fi
}

demo_running() { kill -0 "${1%% *}" 2>/dev/null; }

# Ends what the demo started, politely first.
demo_cleanup() {
  local status=$? child deadline=$((SECONDS + 10))
  trap - EXIT INT TERM HUP
  for child in "${demo_children[@]}"; do kill -TERM "${child%% *}" 2>/dev/null || true; done
  for child in "${demo_children[@]}"; do
    while demo_running "$child" && [ $SECONDS -lt $deadline ]; do sleep 0.1; done
    kill -KILL "${child%% *}" 2>/dev/null || true
    wait "${child%% *}" 2>/dev/null || true
  done
  if [ "$demo_fresh" = yes ] && [ "$status" -eq 0 ]; then rm -rf "$demo_dir"; fi
  exit "$status"
}

demo_failed() {
  local child
  printf '\ndemo: %s\n' "$*" >&2
  for child in "${demo_children[@]}"; do
    if ! demo_running "$child"; then
      printf 'demo: ingot %s has ended; its last lines:\n' "${child#* }" >&2
      tail -n 5 "$demo_dir/${child#* }.log" >&2
    fi
  done
  [ -z "$demo_dir" ] || printf 'demo: logs: %s\n' "$demo_dir"/*.log >&2
  exit 1
}

# A port from $1 on that nobody on this machine uses, over TCP or UDP.
demo_port() {
  local port=$1 hex
  while :; do
    hex=$(printf ':%04X ' "$port")
    awk -v want="$hex" 'index($2 " ", want) {found = 1} END {exit !found}' /proc/net/tcp /proc/net/tcp6 /proc/net/udp \
      /proc/net/udp6 2>/dev/null || break
    port=$((port + 1))
  done
  say "$port"
}

# The body of GET http://127.0.0.1:$1$2, without needing curl.
demo_get() {
  (
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$2" >&3
    sed '1,/^\r*$/d' <&3
  ) 2>/dev/null
}

demo_start() {  # NAME ARGUMENTS...
  local name=$1
  "$demo_ingot" "$@" >"$demo_dir/$name.out" 2>"$demo_dir/$name.log" &
  demo_children+=("$! $name")
}

# demo_wait SECONDS WHAT COMMAND...: until the command succeeds; fails when a child has ended.
demo_wait() {
  local deadline=$((SECONDS + $1)) what=$2 child
  shift 2
  until "$@" >/dev/null 2>&1; do
    for child in "${demo_children[@]}"; do demo_running "$child" || demo_failed "$what: no"; done
    [ $SECONDS -lt $deadline ] || demo_failed "$what: not within the time it should take"
    sleep 0.2
  done
}

demo_directory() {
  if [ -n "$demo_dir" ]; then
    mkdir -p "$demo_dir" || fail "--data-dir: cannot make $demo_dir"
    [ -z "$(ls -A "$demo_dir")" ] || fail "--data-dir: $demo_dir is not empty; the demo wants a fresh directory"
  else
    demo_dir=$(mktemp -d "${TMPDIR:-/tmp}/ingot-demo.XXXXXX")
    demo_fresh=yes
  fi
  demo_dir=$(readlink -f "$demo_dir")
}

demo_start_rack() {
  rack_port=$(demo_port 21080)
  control_port=$(demo_port $((rack_port + 1)))
  api_port=$(demo_port 26443)
  agent_port=$(demo_port 26385)
  boot_port=$(demo_port 26180)
  dhcp_port=$(demo_port 20067)
  demo_start rack --inventory "$demo_inventory" --speed "$demo_speed" --listen "127.0.0.1:$rack_port" \
    --control "127.0.0.1:$control_port" --data-dir "$demo_dir/rack" --dhcp-server "127.0.0.1:$dhcp_port"
  demo_wait 30 "the rack powers up" grep -q -- '--proxy' "$demo_dir/rack.out"
  demo_get "$control_port" /site-ca >"$demo_dir/site-ca.pem" || true
  grep -q 'BEGIN CERTIFICATE' "$demo_dir/site-ca.pem" || demo_failed "the rack does not give the certificate of its site"
}

demo_start_manager() {
  local rule
  rule=$(sed -n 's/.*--proxy //p' "$demo_dir/rack.out" | head -n 1)
  demo_start serve --data-dir "$demo_dir/ingot" --listen "127.0.0.1:$api_port" --agent-listen "127.0.0.1:$agent_port" \
    --boot-listen "127.0.0.1:$boot_port" --dhcp-listen "127.0.0.1:$dhcp_port" \
    --dhcp-range "$demo_dhcp_range" --proxy "$rule" --site-ca "$demo_dir/site-ca.pem" \
    --rack-speed "$demo_speed"
  export KUBECONFIG=$demo_dir/ingot/admin.kubeconfig
  demo_wait 30 "Ingot answers" grep -q KUBECONFIG "$demo_dir/serve.out"
}

# Shows progress until all clusters are Ready; fails when they are not in time, or when a process that should run ends.
demo_follow() {  # LIMIT
  local child status_pid
  "$demo_ingot" status --watch --until-ready --timeout "$1" &
  status_pid=$!
  demo_children+=("$status_pid status")
  while kill -0 "$status_pid" 2>/dev/null; do
    for child in "${demo_children[@]}"; do
      [ "${child%% *}" = "$status_pid" ] || demo_running "$child" || return 1
    done
    sleep 0.5
  done
  unset 'demo_children[-1]'
  wait "$status_pid"
}

demo_report() {
  say ""
  say "all clusters are Ready; how long each phase took:"
  printf '%s\n' "${demo_phases[@]}"
}

demo_goodbye() {
  cat <<TEXT

Ingot runs until Ctrl-C. In another terminal:

  export KUBECONFIG=$KUBECONFIG

  kubectl get bmh -A
  kubectl get clusters,kubeadmcontrolplanes,machinedeployments,machines -A
  kubectl -n clusters scale machinedeployment dev-workers --replicas=3
      # waits for a host: the three spares carry role=spare. $demo_ingot status says so, and
  kubectl -n clusters label bmh $demo_spare role=worker --overwrite
      # lets it go on
  kubectl --kubeconfig $demo_dir/production.kubeconfig get nodes

TEXT
}

demo() {
  demo_options "$@"
  demo_begin "packages"
  task_setup
  demo_begin "build"
  build_in build dev ingot
  demo_ingot=$PWD/build/ingot
  [ -x "$demo_ingot" ] || fail "the build made no build/ingot"
  demo_directory
  trap demo_cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  demo_begin "start" "a rack of 20 servers at $demo_speed times real speed, and Ingot; data in $demo_dir"
  demo_start_rack
  demo_start_manager
  demo_begin "apply" "20 servers, 3 clusters"
  kubectl apply -f samples/inventory-20-servers.yaml -f samples/three-clusters.yaml >"$demo_dir/apply.out" 2>&1 || {
    cat "$demo_dir/apply.out" >&2
    demo_failed "kubectl apply failed"
  }
  say "$(grep -cE ' (created|configured|unchanged)$' "$demo_dir/apply.out") objects applied"
  demo_begin "bring-up"
  # Real hardware takes about 80 minutes; what the manager adds does not scale.
  local minutes
  minutes=$(awk -v speed="$demo_speed" 'BEGIN {printf "%d", 10 + 120 / speed}')
  demo_follow "${minutes}m" || demo_failed "not all clusters became Ready"
  demo_begin ""
  demo_spare=$(kubectl -n clusters get bmh -l role=spare -o jsonpath='{.items[0].metadata.name}')
  demo_report
  [ "$demo_exit" = no ] || exit 0
  "$demo_ingot" get kubeconfig production >"$demo_dir/production.kubeconfig"
  demo_goodbye
  trap 'exit 0' INT
  local child
  while :; do
    for child in "${demo_children[@]}"; do demo_running "$child" || demo_failed "something has ended that should run"; done
    sleep 1 &
    wait $! || true
  done
}
