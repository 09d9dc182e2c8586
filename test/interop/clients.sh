# shellcheck shell=bash
# `./dev interop CLIENT...`: programs of other people against the API of `ingot serve` and `ingot apiserver`. Each part
# is skipped, and says so, where its runtime is missing. What they build or download is kept outside the tree, in
# $INGOT_INTEROP_CACHE. Sourced by ./dev after kubectl.sh.

clients_all=(python javascript kustomize helm informer manager flux clusterctl envtest)
clients_cache=${INGOT_INTEROP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ingot-interop}
clients_sources=$PWD/test/interop
clients_skipped=()
python_client=34.1.0
controller_runtime=v0.24.1

clients_skip() {
  say "  SKIPPED $1: $2"
  clients_skipped+=("$1")
}

# clients_run NAME COMMAND...: what it prints is shown; it fails when it says so or ends badly.
clients_run() {
  local name=$1
  shift
  if "$@" 2>"$clients_dir/$name.err" | sed 's/^/  /' && [ "${PIPESTATUS[0]}" -eq 0 ]; then return; fi
  say "  FAIL  $name; the last of $clients_dir/$name.err:"
  tail -n 8 "$clients_dir/$name.err" | sed 's/^/        /'
  interop_failures=$((interop_failures + 1))
}

# clients_serve NAME [PORT]: a manager of its own; its kubeconfig is $clients_dir/NAME/admin.kubeconfig.
clients_serve() {
  local name=$1 port=${2:-$(demo_port 27443)}
  build/ingot serve --data-dir "$clients_dir/$name" --listen "127.0.0.1:$port" \
    --agent-listen "127.0.0.1:$(demo_port 27385)" --boot-listen "127.0.0.1:$(demo_port 27180)" --log-level warn \
    >"$clients_dir/$name.out" 2>>"$clients_dir/$name.log" &
  echo "$!" >"$clients_dir/$name.pid"
  echo "$port" >"$clients_dir/$name.port"
  local deadline=$((SECONDS + 60))
  until grep -qs 'serves the Kubernetes API' "$clients_dir/$name.out"; do
    kill -0 "$(cat "$clients_dir/$name.pid")" 2>/dev/null || {
      tail -n 5 "$clients_dir/$name.log" >&2
      fail "ingot serve has ended"
    }
    [ $SECONDS -lt $deadline ] || fail "ingot serve did not start within a minute"
    sleep 0.1
  done
}

clients_stop() {  # NAME
  local pid
  pid=$(cat "$clients_dir/$1.pid" 2>/dev/null) || return 0
  kill -TERM "$pid" 2>/dev/null || true
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  rm -f "$clients_dir/$1.pid"
}

clients_cleanup() {
  local status=$? file
  trap - EXIT INT TERM HUP
  for file in "$clients_dir"/*.pid; do
    [ -e "$file" ] && clients_stop "$(basename "$file" .pid)"
  done
  if [ "$status" -eq 0 ]; then rm -rf "$clients_dir"; fi
  exit "$status"
}

# A command for clients that want to see the server go away and come back.
clients_restart_script() {
  cat >"$clients_dir/restart" <<TEXT
#!/usr/bin/env bash
cd $(printf %q "$PWD")
clients_dir=$(printf %q "$clients_dir")
SECONDS=0
say() { printf '%s\n' "\$*"; }
fail() { say "\$*" >&2; exit 1; }
$(declare -f demo_port clients_serve clients_stop)
clients_stop main
clients_serve main $(cat "$clients_dir/main.port")
TEXT
  chmod +x "$clients_dir/restart"
}

clients_go() {
  local go=${INGOT_INTEROP_GO:-}
  for go in "$go" "$(command -v go || true)" /usr/local/go/bin/go; do
    if [ -x "$go" ]; then
      say "$go"
      return
    fi
  done
}

# clients_build NAME PACKAGE: $clients_cache/bin/NAME, made with Go modules of the versions in go.mod.
clients_build() {
  local go
  go=$(clients_go)
  if [ -z "$go" ]; then
    clients_skip "$1" "there is no Go (set INGOT_INTEROP_GO to its program)"
    return 1
  fi
  mkdir -p "$clients_cache/bin"
  say "  building $1 (the first time takes minutes)"
  (cd "$clients_sources/go" && nice "$go" build -p 1 -o "$clients_cache/bin/$1" "$2") 2>"$clients_dir/$1.build" && return
  clients_skip "$1" "it could not be built: $(tail -n 1 "$clients_dir/$1.build")"
  return 1
}

client_python() {
  local python=$clients_cache/python/bin/python
  if /usr/bin/python3 -c 'import kubernetes' 2>/dev/null; then
    python=/usr/bin/python3
  elif [ ! -x "$python" ] || ! "$python" -c 'import kubernetes' 2>/dev/null; then
    if ! command -v python3 >/dev/null; then
      clients_skip python "there is no python3"
      return
    fi
    if ! { python3 -m venv "$clients_cache/python" && "$python" -m pip install -q "kubernetes==$python_client"; } \
      >"$clients_dir/pip" 2>&1; then
      clients_skip python "the package kubernetes could not be installed: $(tail -n 1 "$clients_dir/pip")"
      return
    fi
  fi
  clients_run python "$python" "$clients_sources/python/client.py" "$KUBECONFIG"
}

client_javascript() {
  local at=$clients_cache/javascript
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    clients_skip javascript "there is no node with npm"
    return
  fi
  mkdir -p "$at"
  cp "$clients_sources"/javascript/* "$at"
  if ! (cd "$at" && npm install --silent --no-audit --no-fund) >"$clients_dir/npm" 2>&1; then
    clients_skip javascript "npm could not install the client: $(tail -n 1 "$clients_dir/npm")"
    return
  fi
  clients_run javascript node "$at/client.mjs" "$KUBECONFIG"
}

client_kustomize() {
  if ! command -v kubectl >/dev/null; then
    clients_skip kustomize "there is no kubectl"
    return
  fi
  kubectl create namespace kustomize >/dev/null
  interop_check "kubectl apply -k" "deployment.apps/staging-web created" kubectl apply -k "$clients_sources/kustomize"
  interop_check "once more" "deployment.apps/staging-web unchanged" kubectl apply -k "$clients_sources/kustomize"
  interop_check "no difference" "^none$" sh -c "kubectl diff -k '$clients_sources/kustomize' && echo none"
  interop_check "server-side" "serverside-applied" kubectl apply --server-side --force-conflicts \
    -k "$clients_sources/kustomize"
  interop_check "delete -k" "deleted" kubectl delete -k "$clients_sources/kustomize"
}

client_helm() {
  clients_build helm helm.sh/helm/v3/cmd/helm || return 0
  local helm=$clients_cache/bin/helm chart=$clients_sources/helm/web
  export HELM_CACHE_HOME=$clients_dir/helm-cache HELM_CONFIG_HOME=$clients_dir/helm-config HELM_DATA_HOME=$clients_dir/helm
  interop_check "install" "STATUS: deployed" "$helm" install web "$chart" -n helm --create-namespace
  interop_check "upgrade" "REVISION: 2" "$helm" upgrade web "$chart" -n helm --set replicas=3,image=example.com/web:2
  interop_check "the upgrade arrived" "^3 example.com/web:2$" kubectl -n helm get deployment web \
    -o jsonpath='{.spec.replicas} {.spec.template.spec.containers[0].image}{"\n"}'
  interop_check "rollback" "Rollback was a success" "$helm" rollback web 1 -n helm
  interop_check "history" "Rollback to 1" "$helm" history web -n helm
  interop_check "the manifest" "kind: Deployment" "$helm" get manifest web -n helm
  interop_check "a dry run against the server" "STATUS: pending-install" "$helm" install other "$chart" -n helm \
    --dry-run=server
  interop_check "uninstall" "uninstalled" "$helm" uninstall web -n helm
}

client_informer() {
  clients_build informer ./informer || return 0
  clients_restart_script
  KUBE_WATCHLIST_INCONSISTENCY_DETECTOR=true clients_run informer "$clients_cache/bin/informer" "$KUBECONFIG" \
    "$clients_dir/restart"
}

client_manager() {
  clients_build manager ./manager || return 0
  clients_run manager "$clients_cache/bin/manager" "$KUBECONFIG"
}

client_flux() {
  clients_build flux ./flux || return 0
  clients_run flux "$clients_cache/bin/flux" "$KUBECONFIG" "$clients_sources/flux.yaml"
}

# clusterctl looks for kinds among the CustomResourceDefinitions, by these labels.
clients_label_crds() {  # KUBECONFIG
  build/ingot crds | kubectl --kubeconfig "$1" apply --server-side -f - >/dev/null
  kubectl --kubeconfig "$1" label crd --all clusterctl.cluster.x-k8s.io= cluster.x-k8s.io/v1beta1=v1beta1 \
    cluster.x-k8s.io/v1beta2=v1beta2 >/dev/null
}

# Describes a cluster and moves it to a second manager. It has no machines; that its control plane once was there is
# said for it.
client_clusterctl() {
  clients_build clusterctl sigs.k8s.io/cluster-api/cmd/clusterctl || return 0
  local clusterctl=$clients_cache/bin/clusterctl second=$clients_dir/second/admin.kubeconfig
  clients_serve second
  clients_label_crds "$KUBECONFIG"
  clients_label_crds "$second"
  kubectl apply -f "$clients_sources/clusterctl/cluster.yaml" >/dev/null 2>&1
  interop_check "describe cluster" "Cluster move/moved" "$clusterctl" describe cluster moved -n move
  kubectl patch cluster -n move moved --subresource=status --type=merge \
    -p '{"status":{"initialization":{"controlPlaneInitialized":true}}}' >/dev/null 2>&1
  kubectl wait -n move cluster/moved --for=condition=ControlPlaneInitialized --timeout=30s >/dev/null 2>&1 || true
  interop_check "move" "Deleting objects from the source cluster" "$clusterctl" move -n move --to-kubeconfig "$second"
  interop_check "it is there" "moved" kubectl --kubeconfig "$second" get cluster,metal3cluster -n move
  interop_check "and here no more" "No resources found" kubectl get cluster,metal3cluster -n move
  clients_stop second
}

# controller-runtime's own tests, with our stand-ins for kube-apiserver and etcd.
client_envtest() {
  local go tree assets=$clients_dir/assets package name
  go=$(clients_go)
  if [ -z "$go" ]; then
    clients_skip envtest "there is no Go (set INGOT_INTEROP_GO to its program)"
    return
  fi
  mkdir -p "$assets" "$clients_cache/envtest"
  cp "$clients_sources"/envtest/kube-apiserver "$clients_sources"/envtest/etcd "$assets"
  ln -sf "$(command -v kubectl || echo /bin/false)" "$assets/kubectl"
  cp "$clients_sources"/go/go.mod "$clients_sources"/go/go.sum "$clients_cache/envtest"
  tree=$clients_cache/envtest/controller-runtime-$controller_runtime
  for package in client cache cluster manager builder controller source webhook envtest internal/recorder; do
    name=$(basename $package)
    # Test dependencies go into a copy of go.mod, at versions that the others agree with.
    if ! (cd "$clients_cache/envtest" && "$go" get -t "sigs.k8s.io/controller-runtime/pkg/$package@$controller_runtime" &&
      nice "$go" test -vet=off -c -p 1 -o "$name.test" "sigs.k8s.io/controller-runtime/pkg/$package") \
      >"$clients_dir/envtest-$name.build" 2>&1; then
      clients_skip "envtest of $package" "it could not be built: $(tail -n 1 "$clients_dir/envtest-$name.build")"
      continue
    fi
    if [ ! -d "$tree" ]; then
      cp -r "$("$go" env GOMODCACHE)/sigs.k8s.io/controller-runtime@$controller_runtime" "$tree"
      chmod -R u+w "$tree"
    fi
    clients_envtest_run "$tree/pkg/$package" "$name" "$assets"
  done
}

# Counts what passed; what may fail is listed in envtest/expected-failures.txt, with the reason.
clients_envtest_run() {  # DIRECTORY NAME ASSETS
  local out=$clients_dir/envtest-$2.out spec
  (cd "$1" && env -u KUBECONFIG INGOT="$clients_ingot" KUBEBUILDER_ASSETS="$3" KUBEBUILDER_CONTROLPLANE_START_TIMEOUT=90s \
    KUBEBUILDER_CONTROLPLANE_STOP_TIMEOUT=30s timeout 900 "$clients_cache/envtest/$2.test" -ginkgo.no-color) >"$out" 2>&1 || true
  say "  $2: $(grep -aE '^(FAIL|SUCCESS)!' "$out" | sed 's/^.*-- //' || true)"
  while read -r spec; do
    grep -qxF -- "$spec" "$clients_sources/envtest/expected-failures.txt" && continue
    say "  FAIL  $spec"
    interop_failures=$((interop_failures + 1))
  done < <(sed -n 's/^ *\[\(FAIL\|TIMEDOUT\|PANICKED!\)\] //p' "$out" | grep -a . | sort -u)
  grep -qaE '^(FAIL|SUCCESS)!' "$out" || {
    say "  FAIL  $2 did not come to an end: $(tail -n 1 "$out")"
    interop_failures=$((interop_failures + 1))
  }
}

interop_clients() {  # PART...
  local part
  clients_dir=$(mktemp -d "${TMPDIR:-/tmp}/ingot-interop.XXXXXX")
  clients_ingot=$PWD/build/ingot
  trap clients_cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  clients_serve main
  export KUBECONFIG=$clients_dir/main/admin.kubeconfig
  for part in "$@"; do
    say ""
    say "== $part"
    "client_$part"
  done
  say ""
  [ ${#clients_skipped[@]} -eq 0 ] || say "SKIPPED: ${clients_skipped[*]}"
  [ "$interop_failures" -eq 0 ] || fail "$interop_failures checks failed; what they said is in $clients_dir"
  say "every check passed"
}

interop_task() {
  local part kubectl=no stock=no bmc=no ipa=no parts=()
  [ $# -gt 0 ] || set -- stock bmc ipa kubectl "${clients_all[@]}"
  for part in "$@"; do
    case " stock bmc ipa kubectl ${clients_all[*]} " in
      *" $part "*) ;;
      *) fail "interop has no part '$part'; it has stock bmc ipa kubectl ${clients_all[*]}" ;;
    esac
    case "$part" in
      kubectl) kubectl=yes ;;
      stock) stock=yes ;;
      bmc) bmc=yes ;;
      ipa) ipa=yes ;;
      *) parts+=("$part") ;;
    esac
  done
  if [ $stock = yes ]; then interop_stocks || fail "controllers on another API server: failed"; fi
  if [ $bmc = yes ]; then (interop_bmc) || fail "BMC peers: failed"; fi
  if [ $ipa = yes ]; then (interop_ipa) || fail "stock ironic-python-agent: failed"; fi
  # Each in a shell of its own: both clean up when it ends.
  if [ $kubectl = yes ]; then (interop); fi
  if [ ${#parts[@]} -gt 0 ]; then (interop_clients "${parts[@]}"); fi
}
