# shellcheck shell=bash
# `./dev interop`: the controllers on somebody else's API server (`ingot serve --kubeconfig`), with the samples and a
# simulated rack: once on a real kube-apiserver, named by KUBE_APISERVER=path (with Debian's etcd), and once on Ingot
# itself without controllers, which has a garbage collector. Sourced by ./dev after tools/demo.sh and kubectl.sh.

stock_pids=()

stock_run() {  # NAME COMMAND...: in the background, with a log
  local name=$1
  shift
  "$@" >"$demo_dir/$name.log" 2>&1 &
  demo_children+=("$! $name")
  stock_pids+=("$!")
}

stock_certificates() {
  local out=$1
  openssl genrsa -out "$out/sa.key" 2048 && openssl rsa -in "$out/sa.key" -pubout -out "$out/sa.pub"
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$out/ca.key" -out "$out/ca.crt" -subj /CN=stock-ca -days 3
  local name subject extension
  while IFS='|' read -r name subject extension; do
    openssl req -newkey rsa:2048 -nodes -keyout "$out/$name.key" -out "$out/$name.csr" -subj "$subject"
    openssl x509 -req -in "$out/$name.csr" -CA "$out/ca.crt" -CAkey "$out/ca.key" -CAcreateserial -days 3 \
      -out "$out/$name.crt" -extfile <(printf '%s\n' "$extension")
  done <<'TEXT'
server|/CN=kube-apiserver|subjectAltName=IP:127.0.0.1,DNS:localhost
admin|/O=system:masters/CN=admin|extendedKeyUsage=clientAuth
TEXT
}

stock_kubeconfig() {  # DIRECTORY PORT
  cat <<TEXT
apiVersion: v1
kind: Config
clusters: [{name: stock, cluster: {server: "https://127.0.0.1:$2", certificate-authority: ca.crt}}]
users: [{name: admin, user: {client-certificate: admin.crt, client-key: admin.key}}]
contexts: [{name: stock, context: {cluster: stock, user: admin}}]
current-context: stock
TEXT
}

stock_start_kube_apiserver() {
  local out=$demo_dir/kube etcd_port peer_port
  mkdir -p "$out"
  stock_certificates "$out" >"$demo_dir/openssl.log" 2>&1 || demo_failed "openssl made no certificates"
  etcd_port=$(demo_port 22379)
  peer_port=$(demo_port $((etcd_port + 1)))
  stock_port=$(demo_port 27443)
  stock_run etcd etcd --name stock --data-dir "$out/etcd" --listen-client-urls "http://127.0.0.1:$etcd_port" \
    --advertise-client-urls "http://127.0.0.1:$etcd_port" --listen-peer-urls "http://127.0.0.1:$peer_port" \
    --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" --initial-cluster "stock=http://127.0.0.1:$peer_port"
  stock_run kube-apiserver "$KUBE_APISERVER" --etcd-servers="http://127.0.0.1:$etcd_port" \
    --secure-port="$stock_port" --bind-address=127.0.0.1 --advertise-address=127.0.0.1 \
    --endpoint-reconciler-type=none --tls-cert-file="$out/server.crt" --tls-private-key-file="$out/server.key" \
    --client-ca-file="$out/ca.crt" --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$out/sa.pub" --service-account-signing-key-file="$out/sa.key" \
    --service-cluster-ip-range=10.0.0.0/24 --authorization-mode=Node,RBAC
  stock_kubeconfig "$out" "$stock_port" >"$out/kubeconfig"
  export KUBECONFIG=$out/kubeconfig
  demo_wait 180 "kube-apiserver answers" kubectl get --raw /readyz
}

stock_start_ingot_api() {
  stock_port=$(demo_port 27443)
  demo_start serve --data-dir "$demo_dir/api" --listen "127.0.0.1:$stock_port" --controllers=false
  mv "$demo_dir/serve.log" "$demo_dir/api.log"
  export KUBECONFIG=$demo_dir/api/admin.kubeconfig
  demo_wait 60 "the API answers" kubectl get --raw /readyz
}

# Somebody who may do what `ingot rbac` says, and nothing else.
stock_account() {  # SERVER
  "$demo_ingot" rbac | kubectl apply -f - >"$demo_dir/rbac.out" || demo_failed "the roles of ingot rbac cannot be applied"
  local token
  token=$(kubectl -n ingot-system create token ingot --duration 24h) || demo_failed "no token for the account"
  stock_kubeconfig_of_manager=$demo_dir/account.kubeconfig
  kubectl config view --raw --flatten >"$stock_kubeconfig_of_manager"
  kubectl --kubeconfig "$stock_kubeconfig_of_manager" config set-credentials account --token "$token" >/dev/null
  kubectl --kubeconfig "$stock_kubeconfig_of_manager" config set-context --current --user account >/dev/null
  chmod 600 "$stock_kubeconfig_of_manager"
}

stock_start_manager() {  # MORE ARGUMENTS...
  local rule
  rule=$(sed -n 's/.*--proxy //p' "$demo_dir/rack.out" | head -n 1)
  demo_start serve --data-dir "$demo_dir/ingot" --kubeconfig "${stock_kubeconfig_of_manager:-$KUBECONFIG}" \
    --agent-listen "127.0.0.1:$agent_port" --boot-listen "127.0.0.1:$boot_port" \
    --dhcp-listen "127.0.0.1:$dhcp_port" --dhcp-range "$demo_dhcp_range" --proxy "$rule" \
    --site-ca "$demo_dir/site-ca.pem" --rack-speed "$demo_speed" "$@"
  stock_manager=${demo_children[-1]%% *}
  demo_wait 120 "the controllers run" grep -q 'runs its controllers' "$demo_dir/serve.out"
}

# SIGTERM: the lease is given back, and a clean end is 0.
stock_stop_manager() {
  kill -TERM "$stock_manager"
  wait "$stock_manager" || demo_failed "the manager does not stop as it should"
  stock_forget_manager
}

# kill -9 in the middle of the work; the next one waits for the lease and goes on.
stock_kill_manager() {
  kill -KILL "$stock_manager"
  wait "$stock_manager" 2>/dev/null || true
  stock_forget_manager
}

stock_forget_manager() {
  cat "$demo_dir/serve.log" >>"$demo_dir/serve-all.log"
  local child kept=()
  for child in "${demo_children[@]}"; do [ "${child%% *}" = "$stock_manager" ] || kept+=("$child"); done
  demo_children=("${kept[@]}")
}

# An Event that comes again is counted, not written again; a process that was killed counts anew.
stock_events_once() {  # STARTS
  local format='{range .items[*]}{.involvedObject.kind}/{.involvedObject.name} {.involvedObject.uid} {.reason} {.message}'
  kubectl get events -A -o jsonpath="$format{\"\\n\"}{end}" | sort | uniq -c |
    awk -v most="$1" '$1 > most {print; bad = 1} END {exit bad}'
}

# One of the workers' servers, all of which were in use.
stock_given_back() {
  local tries states
  for tries in {1..150}; do
    states=$(kubectl -n clusters get bmh -l role=worker -o jsonpath='{.items[*].status.provisioning.state}')
    grep -w available <<<"$states" && return 0
    sleep 2
  done
  return 1
}

stock_may_do_all() {
  ! grep -h -i -e forbidden -e '"cannot [a-z]* resource' "$demo_dir/serve-all.log" "$demo_dir/serve.log"
}

# Nothing is written any more once all is Ready, the lease aside.
stock_quiet() {
  local before after
  before=$(kubectl get bmh,machines,clusters,metal3machines,secrets -A -o jsonpath='{.items[*].metadata.resourceVersion}')
  sleep 20
  after=$(kubectl get bmh,machines,clusters,metal3machines,secrets -A -o jsonpath='{.items[*].metadata.resourceVersion}')
  [ "$before" = "$after" ]
}

stock_part() {  # NAME MANAGER ARGUMENTS...
  local name=$1
  shift
  say ""
  say "== controllers on $name"
  demo_start_rack
  stock_start_manager "$@"
  if [ "$name" != "Ingot's API without controllers" ]; then  # an administrator has installed all; now the account
    stock_stop_manager
    stock_account
    local rest=()
    for argument in "$@"; do [ "$argument" = --install-crds ] || rest+=("$argument"); done
    set -- "${rest[@]}"
    stock_start_manager "$@"
  fi
  kubectl apply -f samples/inventory-20-servers.yaml -f samples/three-clusters.yaml >"$demo_dir/apply.out" 2>&1 || {
    tail -n 5 "$demo_dir/apply.out" >&2
    demo_failed "kubectl apply failed"
  }
  sleep 30
  stock_kill_manager
  stock_start_manager "$@"
  demo_follow 12m || demo_failed "not all clusters became Ready on $name"
  interop_check "nothing is written when all is Ready" "" stock_quiet
  interop_check "scale down" "scaled" kubectl -n clusters scale machinedeployment staging-workers --replicas=3
  interop_check "a server is given back" "available" stock_given_back
  interop_check "events" "BareMetalHost" kubectl get events -n clusters
  interop_check "no Event twice" "" stock_events_once 2
  interop_check "the account may do all that is needed" "" stock_may_do_all
  interop_check "why" "." "$demo_ingot" status
}

interop_stock() {
  demo_speed=60
  demo_ingot=$PWD/build/ingot
  demo_children=()
  demo_directory
  trap demo_cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  case "$1" in
    kube)
      stock_start_kube_apiserver
      stock_part "$("$KUBE_APISERVER" --version)" --install-crds --webhook-listen "127.0.0.1:$(demo_port 29443)"
      ;;
    ingot)
      stock_start_ingot_api
      stock_part "Ingot's API without controllers"
      ;;
  esac
  say ""
  [ "$interop_failures" -eq 0 ] || demo_failed "$interop_failures checks failed"
}

# Each in a shell of its own, which ends what it started.
interop_stocks() {
  (interop_stock ingot) || return 1
  if [ -z "${KUBE_APISERVER:-}" ] || [ ! -x "$KUBE_APISERVER" ] || ! command -v etcd >/dev/null; then
    say ""
    say "SKIPPED: controllers on a real kube-apiserver; needs KUBE_APISERVER=path of the program, and etcd (etcd-server)"
    return
  fi
  (interop_stock kube)
}
