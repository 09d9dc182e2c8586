#!/usr/bin/env bash
# What users do, with a real kubectl against real processes: acceptance.sh INGOT [KUBECTL]. Without kubectl it says so
# and ends with 77, which ctest shows as skipped.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

say() { printf "%s\n" "$*"; }
note() { printf "%s %s\n" "$(date +%T)" "$*"; }
fail() {
  printf 'acceptance: %s\n' "$*" >&2
  exit 1
}
# shellcheck source=tools/demo.sh
. tools/demo.sh

demo_ingot=$(readlink -f "$1")
kubectl_path=${2:-$(command -v kubectl || true)}
if [ -z "$kubectl_path" ]; then
  echo "acceptance: SKIPPED: there is no kubectl; apt-get install kubernetes-client"
  exit 77
fi
# An own folder first on PATH, so that the functions of the demo use this kubectl too.
demo_speed=60
demo_directory
mkdir "$demo_dir/bin"
ln -s "$(readlink -f "$kubectl_path")" "$demo_dir/bin/kubectl"
PATH=$demo_dir/bin:$PATH
trap demo_cleanup EXIT
trap 'exit 130' INT TERM HUP

failures=0
check() {  # NAME PATTERN COMMAND...: it succeeds and its output has the pattern
  local name=$1 pattern=$2 output
  shift 2
  if output=$("$@" 2>&1) && grep -qE -- "$pattern" <<<"$output"; then
    note "ok    $name"
  else
    note "FAIL  $name: $*"
    sed 's/^/        /' <<<"$output" | head -n 12
    failures=$((failures + 1))
  fi
}
check_fails() {  # NAME PATTERN COMMAND...: it fails and says the pattern
  local name=$1 pattern=$2 output
  shift 2
  if ! output=$("$@" 2>&1) && grep -qE -- "$pattern" <<<"$output"; then
    note "ok    $name"
  else
    note "FAIL  $name: $*"
    sed 's/^/        /' <<<"$output" | head -n 12
    failures=$((failures + 1))
  fi
}
within() {  # SECONDS NAME PATTERN COMMAND...: sooner or later its output has the pattern
  local deadline=$((SECONDS + $1)) name=$2 pattern=$3 output=
  shift 3
  while [ $SECONDS -lt $deadline ]; do
    output=$("$@" 2>&1) && grep -qE -- "$pattern" <<<"$output" && {
      note "ok    $name"
      return
    }
    sleep 0.5
  done
  note "FAIL  $name: not within the time: $*"
  sed 's/^/        /' <<<"$output" | head -n 12
  failures=$((failures + 1))
}
k() { kubectl -n clusters "$@"; }
status() { "$demo_ingot" status -o wide; }
label() { k label bmh "$1" role="$2" --overwrite >/dev/null; }
spares() { k get bmh -l role=spare -o name | sed 's,.*/,,'; }
server_field() {  # NAME FIELD: of the rack
  demo_get "$control_port" /servers | tr '{' '\n' | grep -F "\"$1\"" -A 3 | grep -o "\"$2\":[0-9]*" | head -n 1
}
ready() { k wait --for=condition=Ready "cluster/$1" --timeout=240s; }

give_up() {
  printf 'the last lines of the log of serve:\n'
  tail -n 20 "$demo_dir/serve.log"
  fail "$failures checks failed; everything is left in $demo_dir"
}

bring_up() {
  note "== bring-up, with the manager killed three times"
  demo_start_rack
  demo_start_manager
  local run serve_pid
  kubectl apply -f samples/inventory-20-servers.yaml -f samples/three-clusters.yaml >/dev/null 2>&1
  for run in 4 7 6; do
    sleep "$run"
    serve_pid=${demo_children[-1]%% *}
    kill -KILL "$serve_pid"
    wait "$serve_pid" 2>/dev/null || true
    unset 'demo_children[-1]'
    demo_start_manager
  done
  check "all clusters become Ready" "PHASE" "$demo_ingot" status --until-ready --timeout 4m
  [ "$failures" -eq 0 ] || give_up
  check "no server was written twice" "^ok$" bash -c \
    "$(declare -f demo_get); ! demo_get $control_port /servers | grep -oE '\"imageWritesStarted\":([2-9]|1[0-9])' && echo ok"
}

# Acceptance 2: the commands that people type.
commands() {
  note "== commands"
  check "get bmh" 'STATE +CONSUMER +ONLINE +ERROR +AGE' kubectl get bmh -A
  check "get four kinds" 'kubeadmcontrolplane' kubectl get cluster,machines,machinedeployments,kubeadmcontrolplanes -A
  check "describe a host" 'ProvisioningComplete' k describe bmh server-rack1-u01
  check "get -w" 'server-rack1-u01' bash -c 'timeout 3 kubectl -n clusters get bmh -w || [ $? -eq 124 ]'
  check "get events" 'ProvisioningComplete' kubectl get events -A
  check "apply again" 'unchanged' kubectl apply -f samples/three-clusters.yaml
  printf '#!/bin/sh\nexec sed -i "s/^  online: true/&\\n  description: edited/" "$1"\n' >"$demo_dir/bin/editor"
  chmod +x "$demo_dir/bin/editor"
  check "edit" 'edited' env KUBE_EDITOR="$demo_dir/bin/editor" kubectl -n clusters edit bmh server-rack1-u01
  check "the edit is stored" '^edited$' k get bmh server-rack1-u01 -o jsonpath='{.spec.description}{"\n"}'
  check "patch" 'patched' k patch bmh server-rack1-u01 --type=merge -p '{"spec":{"description":"patched"}}'
  check "wait" 'condition met' ready production
  check "api-resources" 'baremetalhosts' bash -c 'kubectl api-resources | grep metal3'
  check "jsonpath" 'eno1 eno2' k get bmh server-rack1-u01 -o jsonpath='{.status.hardware.nics[*].name}'
  check "explain" 'credentialsName' kubectl explain bmh.spec.bmc
  check_fails "an unknown field is refused" 'bogus' bash -c \
    "kubectl -n clusters get cluster dev -o yaml | sed 's/^spec:/spec:\n  bogus: 1/' | kubectl apply --validate=true -f -"
}

# Acceptance 3: waiting for a host says how many are free and which labels miss.
scaling() {
  note "== scaling dev's workers to 3 and back"
  local spare
  spare=$(spares | head -n 1)
  check "scale up" 'scaled' k scale machinedeployment dev-workers --replicas=3
  within 20 "the machine says what it waits for" 'role=worker.*spare' \
    k get machines -l cluster.x-k8s.io/cluster-name=dev -o jsonpath='{.items[*].status.conditions[?(@.type=="InfrastructureReady")].message}'
  check "the status table says it" 'role=worker' status
  label "$spare" worker
  within 120 "it goes on by itself" '^3$' k get machinedeployment dev-workers -o jsonpath='{.status.readyReplicas}{"\n"}'
  check "scale down" 'scaled' k scale machinedeployment dev-workers --replicas=2
  within 120 "a host comes back" '^available ?$' bash -c \
    "kubectl -n clusters get bmh -l role=worker -o jsonpath='{range .items[*]}{.status.provisioning.state}{\"\n\"}{end}' | grep available"
  local free
  free=$(k get bmh -l role=worker -o jsonpath='{range .items[*]}{.metadata.name} {.status.provisioning.state}{"\n"}{end}' |
    sed -n 's/ available$//p')
  within 60 "it is off" '^false$' k get bmh "$free" -o jsonpath='{.status.poweredOn}{"\n"}'
  check "it has no image any more" '^-$' k get bmh "$free" -o jsonpath='{.spec.image.url}-{"\n"}'
  label "$free" spare
}

# Acceptance 5: a worker whose kubelet stopped is replaced; too many at once are left alone.
health() {
  note "== machine health"
  local node spare
  k patch mhc staging-worker-health --type=json \
    -p '[{"op":"replace","path":"/spec/checks/unhealthyNodeConditions/0/timeoutSeconds","value":15},{"op":"replace","path":"/spec/checks/unhealthyNodeConditions/1/timeoutSeconds","value":15}]' >/dev/null
  spare=$(spares | head -n 1)
  label "$spare" worker
  node=$(k get machines -l cluster.x-k8s.io/deployment-name=staging-workers -o jsonpath='{.items[0].status.nodeRef.name}')
  stop_kubelet "$node"
  within 180 "the worker is replaced on the spare" "$spare" \
    k get machines -l cluster.x-k8s.io/deployment-name=staging-workers -o jsonpath='{.items[*].status.nodeRef.name}'
  within 120 "its host is cleaned and free" '^available$' k get bmh "$node" -o jsonpath='{.status.provisioning.state}{"\n"}'
  label "$node" spare
  k patch mhc production-worker-health --type=json \
    -p '[{"op":"replace","path":"/spec/checks/unhealthyNodeConditions/0/timeoutSeconds","value":10},{"op":"replace","path":"/spec/checks/unhealthyNodeConditions/1/timeoutSeconds","value":10}]' >/dev/null
  local nodes before
  read -ra nodes <<<"$(k get machines -l cluster.x-k8s.io/deployment-name=production-workers -o jsonpath='{.items[*].status.nodeRef.name}')"
  before=$(k get machines -l cluster.x-k8s.io/deployment-name=production-workers -o name | sort)
  for node in "${nodes[@]:0:3}"; do stop_kubelet "$node"; done
  within 60 "3 of 6 at 40 % says why in an event" '40%' bash -c \
    "kubectl -n clusters get events | grep RemediationRestricted"
  sleep 5
  check "and touches nothing" '^same$' bash -c \
    "[ '$before' = \"\$(kubectl -n clusters get machines -l cluster.x-k8s.io/deployment-name=production-workers -o name | sort)\" ] && echo same"
  for node in "${nodes[@]:0:3}"; do demo_post "/nodes/$node/start-kubelet"; done
  check "production is Ready again" 'condition met' ready production
}
demo_post() {
  (
    exec 3<>"/dev/tcp/127.0.0.1/$control_port"
    printf 'POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$1" >&3
    cat <&3
  ) | grep -q ' 200 ' || fail "the rack refuses $1"
}
stop_kubelet() { demo_post "/nodes/$1/stop-kubelet"; }

# Acceptance 4: a control plane upgrade, first without and then with a host to roll on.
upgrade() {
  note "== upgrade of production's control plane"
  local spare
  spare=$(spares | head -n 1)
  check "patch" 'patched' k patch kubeadmcontrolplane production-cp --type=merge -p '{"spec":{"version":"v1.33.0"}}'
  within 30 "it stalls and says why" 'role=control-plane' status
  label "$spare" control-plane
  within 240 "it rolls all three" '^v1.33.0 v1.33.0 v1.33.0 ?$' bash -c \
    "kubectl -n clusters get machines -l cluster.x-k8s.io/control-plane-name=production-cp -o jsonpath='{.items[*].spec.version}'; echo"
  check "production is Ready" 'condition met' ready production
  check "etcd never lost its quorum" '^0$' bash -c \
    "$(declare -f demo_get); demo_get $control_port /events | grep -c 'etcd lost its quorum' || true"
}

# Acceptance 6.
workload() {
  note "== access to a workload cluster"
  "$demo_ingot" get kubeconfig production >"$demo_dir/production.kubeconfig"
  check "nodes of production" ' Ready +control-plane' kubectl --kubeconfig "$demo_dir/production.kubeconfig" get nodes
}

deletion() {
  note "== deletion of dev"
  check "delete" 'deleted' k delete cluster dev --timeout=240s
  within 60 "nothing of it is left" '^-$' bash -c \
    "echo \"\$(kubectl -n clusters get machines,metal3machines,kubeadmconfigs -l cluster.x-k8s.io/cluster-name=dev -o name)-\""
  within 120 "its hosts are free" '^-$' bash -c \
    "echo \"\$(kubectl -n clusters get bmh -o jsonpath='{range .items[*]}{.spec.consumerRef.name}{\"\n\"}{end}' | grep ^dev- || true)-\""
}

bring_up
commands
workload
scaling
health
upgrade
deletion
[ "$failures" -eq 0 ] || give_up
note "all checks passed"
