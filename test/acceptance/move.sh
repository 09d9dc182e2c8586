#!/usr/bin/env bash
# A cluster moves with its store, in the midst of its work: move.sh INGOT. Servers are being provisioned by a manager on
# SQLite; it stops, `ingot store copy` moves all to etcd, several processes go on there until the cluster is Ready; then
# all moves back to SQLite, and a server more is made. No server is written twice on the way. Without etcd or kubectl it
# says so and ends with 77, which ctest shows as skipped.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

say() { printf "%s\n" "$*"; }
note() { printf "%s %s\n" "$(date +%T)" "$*"; }
# shellcheck source=tools/demo.sh
. tools/demo.sh

demo_ingot=$(readlink -f "$1")
for tool in etcd kubectl; do
  command -v "$tool" >/dev/null && continue
  echo "acceptance_move: SKIPPED: there is no $tool; run ./dev setup"
  exit 77
done
demo_speed=300
demo_directory
trap demo_cleanup EXIT
trap 'exit 130' INT TERM HUP

# One cluster, and the fourth server for later.
awk -v RS='---\n' -v ORS='---\n' '
  /kind: Namespace/ || /kind: Secret/ {print; next}
  /kind: BareMetalHost/ {
    role = /role: control-plane/ ? "c" : /role: worker/ ? "w" : "s"
    if (role == "c" && c++ < 1) print
    if (role == "w" && w++ < 3) print
  }' samples/inventory-20-servers.yaml >"$demo_dir/inventory.yaml"
awk -v RS='---\n' -v ORS='---\n' '/\n  name: dev/' samples/three-clusters.yaml >"$demo_dir/cluster.yaml"
demo_inventory=$demo_dir/inventory.yaml

etcd_port=$(demo_port $((24500 + RANDOM % 3000)))
peer_port=$(demo_port $((etcd_port + 1)))
etcd --name m --data-dir "$demo_dir/etcd" --listen-client-urls "http://127.0.0.1:$etcd_port" \
  --advertise-client-urls "http://127.0.0.1:$etcd_port" --listen-peer-urls "http://127.0.0.1:$peer_port" \
  --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" --initial-cluster "m=http://127.0.0.1:$peer_port" \
  >"$demo_dir/etcd.log" 2>&1 &
demo_children+=("$! etcd")
etcd_flags=(--etcd-endpoints "http://127.0.0.1:$etcd_port")

start() { # NAME API-PORT STORE FLAGS...
  local name=$1 port=$2 rule
  shift 2
  rule=$(sed -n 's/.*--proxy //p' "$demo_dir/rack.out" | head -n 1)
  demo_start serve --data-dir "$demo_dir/$name" --listen "127.0.0.1:$port" --agent-listen "127.0.0.1:$agent_port" \
    --boot-listen "127.0.0.1:$boot_port" --dhcp-listen "127.0.0.1:$dhcp_port" --dhcp-range "$demo_dhcp_range" \
    --proxy "$rule" --site-ca "$demo_dir/site-ca.pem" --rack-speed "$demo_speed" "$@"
  export KUBECONFIG=$demo_dir/$name/admin.kubeconfig
  demo_wait 60 "$name serves" kubectl get --raw /readyz
}
stop() { # the process that was started last
  local child=${demo_children[-1]}
  kill -TERM "${child%% *}"
  wait "${child%% *}" || demo_failed "it does not stop"
  unset 'demo_children[-1]'
  cat "$demo_dir/serve.log" >>"$demo_dir/all.log"
}
happened() { demo_get "$control_port" /events | grep -c "$1" || true; }
writes_under_way() { [ "$(happened 'image write started')" -ge 1 ]; }
copy() {
  "$demo_ingot" store copy --from "$1" --to "$2" "${etcd_flags[@]}" --store-key "$demo_dir/store.key" >"$demo_dir/copy.out" 2>&1 ||
    demo_failed "store copy: $(cat "$demo_dir/copy.out")"
  note "ok    $(head -n 1 "$demo_dir/copy.out")"
}

demo_start_rack
start lite "$api_port"
kubectl apply -f "$demo_dir/inventory.yaml" -f "$demo_dir/cluster.yaml" >"$demo_dir/apply.out" || demo_failed "kubectl apply"
demo_wait 120 "an image is being written" writes_under_way
stop
copy "sqlite:$demo_dir/lite/ingot.db" etcd:
mkdir -p "$demo_dir/a" "$demo_dir/b"
cp "$demo_dir/store.key" "$demo_dir/a/"
cp "$demo_dir/store.key" "$demo_dir/b/"
start a "$api_port" --store etcd "${etcd_flags[@]}"
start b "$(demo_port $((api_port + 1)))" --store etcd "${etcd_flags[@]}"
"$demo_ingot" status --watch --until-ready --timeout 5m >"$demo_dir/status.out" || demo_failed "not Ready over etcd"
note "ok    the cluster became Ready over etcd"
before=$(kubectl get bmh,machines,clusters,secrets -n clusters -o jsonpath='{range .items[*]}{.metadata.uid}{"\n"}{end}')
stop
stop
copy etcd: "sqlite:$demo_dir/back/ingot.db"
start back "$api_port"
after=$(kubectl get bmh,machines,clusters,secrets -n clusters -o jsonpath='{range .items[*]}{.metadata.uid}{"\n"}{end}')
[ "$before" = "$after" ] || demo_failed "the objects are other ones after the move back"
kubectl -n clusters scale machinedeployment dev-workers --replicas=3 >/dev/null
joined() { [ "$(kubectl -n clusters get machines -o jsonpath='{.items[*].status.phase}')" = "Running Running Running Running" ]; }
demo_wait 180 "a worker more" joined
[ "$(happened 'image write started')" -eq 4 ] || demo_failed "$(happened 'image write started') images were written, not 4"
note "ok    a worker more after the move back; four servers were written, each once"
say "acceptance_move: all good"
