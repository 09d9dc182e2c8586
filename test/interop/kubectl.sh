# shellcheck shell=bash
# `./dev interop`: what people do with kubectl, with every kubectl that is on this machine, against a manager and a
# simulated rack. Sourced by ./dev after tools/demo.sh, whose functions start and end the processes.

interop_failures=0

# All kubectls: the one on PATH first, then versioned ones beside it and in the usual places.
interop_kubectls() {
  local found directory file seen=" " directories=()
  IFS=: read -ra directories <<<"$PATH"
  for directory in "${directories[@]}" /usr/local/bin /opt/bin /snap/bin "$HOME/bin" "$HOME/.local/bin" \
    /usr/lib/google-cloud-sdk/bin /usr/share/google-cloud-sdk/bin; do
    for file in "$directory"/kubectl "$directory"/kubectl.[0-9]* "$directory"/kubectl-[0-9]*; do
      [ -x "$file" ] && [ ! -d "$file" ] || continue
      found=$(sha256sum "$file" | cut -c 1-64)
      case "$seen" in *" $found "*) continue ;; esac
      seen="$seen$found "
      say "$file"
    done
  done
}

# check NAME PATTERN COMMAND...: the command succeeds and its output has the pattern.
interop_check() {
  local name=$1 pattern=$2 output
  shift 2
  if output=$("$@" 2>&1) && grep -qE -- "$pattern" <<<"$output"; then
    say "  ok    $name"
  else
    say "  FAIL  $name: $*"
    sed 's/^/        /' <<<"$output" | head -n 8
    interop_failures=$((interop_failures + 1))
  fi
}

# The first lines of a watch; it never ends by itself.
interop_watch() { timeout 5 "$@" || [ $? -eq 124 ]; }

interop_anonymous() {
  local server
  server=$(sed -n 's/^ *server: *//p' "$KUBECONFIG" | tr -d '"' | head -n 1)
  ! "$1" --kubeconfig /dev/null --server "$server" --insecure-skip-tls-verify --token nobody get secrets -A
}

interop_objects() {
  local k=$1
  interop_check "apply, client side" "created|unchanged|configured" "$k" apply -f - <<'TEXT'
apiVersion: v1
kind: ConfigMap
metadata: {name: interop, namespace: clusters, labels: {a: b}}
data: {one: "1"}
TEXT
  interop_check "apply the same again" "unchanged" "$k" apply -f samples/three-clusters.yaml
  interop_check "apply, server side" "serverside-applied" "$k" apply --server-side --force-conflicts -f - <<'TEXT'
apiVersion: v1
kind: ConfigMap
metadata: {name: interop, namespace: clusters, labels: {a: b}}
data: {one: "1"}
TEXT
  interop_check "edit" "edited" env EDITOR="sed -i s/one/two/" "$k" -n clusters edit configmap interop
  interop_check "patch, strategic merge" "patched" "$k" -n clusters patch configmap interop -p '{"data":{"x":"1"}}'
  interop_check "patch, merge" "patched" "$k" -n clusters patch configmap interop --type=merge -p '{"data":{"y":"2"}}'
  interop_check "patch, JSON" "patched" "$k" -n clusters patch configmap interop --type=json \
    -p '[{"op":"add","path":"/data/z","value":"3"}]'
  interop_check "all of it is stored" '^1 2 3 1$' "$k" -n clusters get configmap interop \
    -o jsonpath='{.data.x} {.data.y} {.data.z} {.data.two}{"\n"}'
  interop_check "label" "labeled" "$k" -n clusters label configmap interop c=d
  interop_check "label selector" "interop" "$k" -n clusters get configmap -l a=b,c=d
  interop_check "field selector" "interop" "$k" -n clusters get configmap --field-selector metadata.name=interop
  interop_check "delete" "deleted" "$k" -n clusters delete configmap interop
  interop_check "dry run" 'replicas: 1' "$k" -n clusters patch machinedeployment dev-workers --type=merge \
    -p '{"spec":{"replicas":1}}' --dry-run=server -o yaml
}

interop_reading() {
  local k=$1
  interop_check "get bmh -A" "server-rack1-u01" "$k" get bmh -A
  interop_check "get with several kinds" "dev-workers" "$k" get cluster,machines,machinedeployments,kubeadmcontrolplanes -A
  interop_check "get -o wide" "server-rack1-u01" "$k" get bmh -A -o wide
  interop_check "get -o yaml" "^kind: List" "$k" get bmh -n clusters -o yaml
  interop_check "jsonpath" "." "$k" get bmh -n clusters server-rack1-u01 -o jsonpath='{.status.hardware.nics[*].name}'
  interop_check "describe, with events" "^Events:" "$k" describe bmh -n clusters server-rack1-u01
  interop_check "get -w" "server-rack1-u01" interop_watch "$k" get bmh -n clusters -w
  interop_check "get events" "BareMetalHost|baremetalhost" "$k" get events -n clusters
  interop_check "api-resources" "baremetalhosts .*bmh" "$k" api-resources
  interop_check "api-versions" "metal3.io/v1alpha1" "$k" api-versions
  interop_check "both versions of a kind" "cluster.x-k8s.io/v1beta1" "$k" get clusters.v1beta1.cluster.x-k8s.io dev \
    -n clusters -o yaml
  interop_check "explain bmh.spec.bmc" "credentialsName" "$k" explain bmh.spec.bmc
  interop_check "nobody gets nothing" "nauthorized|orbidden|logged in" interop_anonymous "$k"
}

interop_orders() {
  local k=$1
  interop_check "wait for Ready" "condition met" "$k" -n clusters wait --for=condition=Ready cluster/production --timeout=300s
  interop_check "scale up" "scaled" "$k" -n clusters scale machinedeployment dev-workers --replicas=3
  interop_check "scale down" "scaled" "$k" -n clusters scale machinedeployment dev-workers --replicas=2
  "$demo_ingot" get kubeconfig production >"$demo_dir/production.kubeconfig" || interop_failures=$((interop_failures + 1))
  interop_check "nodes of a workload cluster" "Ready.*v1" "$k" --kubeconfig "$demo_dir/production.kubeconfig" get nodes
}

interop() {
  local kubectls=() k
  mapfile -t kubectls < <(interop_kubectls)
  [ ${#kubectls[@]} -gt 0 ] || fail "SKIPPED, nothing tried: there is no kubectl on this machine"
  demo_speed=60
  demo_ingot=$PWD/build/ingot
  demo_directory
  trap demo_cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  demo_start_rack
  demo_start_manager
  "${kubectls[0]}" apply -f samples/inventory-20-servers.yaml -f samples/three-clusters.yaml >/dev/null ||
    demo_failed "kubectl apply failed"
  demo_follow 12m || demo_failed "not all clusters became Ready"
  for k in "${kubectls[@]}"; do
    say ""
    say "== $k: $("$k" version --client 2>/dev/null | grep -oE 'v1\.[0-9]+\.[0-9]+' | head -n 1)"
    interop_reading "$k"
    interop_objects "$k"
    interop_orders "$k"
  done
  say ""
  [ "$interop_failures" -eq 0 ] || demo_failed "$interop_failures checks failed"
  say "every check passed with ${#kubectls[@]} kubectl(s)"
  exit 0
}
