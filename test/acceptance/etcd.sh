#!/usr/bin/env bash
# Several real processes over a real etcd: etcd.sh INGOT. Three members and three `ingot serve`; kubectl writes through all
# of them while members and leaders are killed. In the end every write that kubectl reported is there, once, and all
# processes show the same. Then keys are rotated, and the data moves to SQLite. Without etcd or kubectl it says so and ends
# with 77, which ctest shows as skipped.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

say() { printf "%s\n" "$*"; }
note() { printf "%s %s\n" "$(date +%T)" "$*"; }
# shellcheck source=tools/demo.sh
. tools/demo.sh

ingot=$(readlink -f "$1")
etcd=$(command -v etcd || true)
for tool in etcd kubectl; do
  command -v "$tool" >/dev/null && continue
  echo "acceptance_etcd: SKIPPED: there is no $tool; run ./dev setup"
  exit 77
done

dir=$(mktemp -d "${TMPDIR:-/tmp}/ingot-etcd.XXXXXX")
declare -A pids=()
cleanup() {
  local status=$? name
  trap - EXIT INT TERM HUP
  for name in "${!pids[@]}"; do kill -KILL "${pids[$name]}" 2>/dev/null || true; done
  wait 2>/dev/null || true
  [ "$status" -ne 0 ] || rm -rf "$dir"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

fail() {
  printf 'acceptance_etcd: %s; everything is left in %s\n' "$*" "$dir" >&2
  local log
  for log in "$dir"/ingot-*.log; do
    printf -- '--- %s\n' "$log" >&2
    tail -n 8 "$log" >&2 || true
  done
  exit 1
}

# ---- etcd ------------------------------------------------------------------------------------------------------

port=$(demo_port $((24000 + RANDOM % 4000)))
next_port() { port=$(demo_port $((port + 1))); }
scheme=http
tls_member=() tls_ingot=()
if command -v openssl >/dev/null; then
  scheme=https
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=etcd-ca -days 2 \
    -keyout "$dir/ca.key" -out "$dir/ca.crt" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=member \
    -keyout "$dir/member.key" -out "$dir/member.csr" 2>/dev/null
  printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' >"$dir/san"
  openssl x509 -req -in "$dir/member.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 2 \
    -extfile "$dir/san" -out "$dir/member.crt" 2>/dev/null
  tls_member=(--cert-file "$dir/member.crt" --key-file "$dir/member.key" --client-cert-auth
    --trusted-ca-file "$dir/ca.crt")
  tls_ingot=(--etcd-cafile "$dir/ca.crt" --etcd-certfile "$dir/member.crt" --etcd-keyfile "$dir/member.key")
else
  note "there is no openssl: etcd is used without TLS"
fi

members=(m1 m2 m3)
declare -A client_port=() peer_port=()
cluster="" endpoints=""
for m in "${members[@]}"; do
  client_port[$m]=$port
  next_port
  peer_port[$m]=$port
  next_port
  cluster+="${cluster:+,}$m=http://127.0.0.1:${peer_port[$m]}"
  endpoints+="${endpoints:+,}$scheme://127.0.0.1:${client_port[$m]}"
done
start_member() {
  "$etcd" --name "$1" --data-dir "$dir/$1" --heartbeat-interval 200 --election-timeout 2000 \
    --listen-peer-urls "http://127.0.0.1:${peer_port[$1]}" \
    --initial-advertise-peer-urls "http://127.0.0.1:${peer_port[$1]}" \
    --listen-client-urls "$scheme://127.0.0.1:${client_port[$1]}" \
    --advertise-client-urls "$scheme://127.0.0.1:${client_port[$1]}" \
    --initial-cluster "$cluster" --initial-cluster-token ingot-test "${tls_member[@]}" >>"$dir/$1.log" 2>&1 &
  pids[$1]=$!
}
kill_now() {
  kill -KILL "${pids[$1]}"
  wait "${pids[$1]}" 2>/dev/null || true
  unset "pids[$1]"
}
for m in "${members[@]}"; do start_member "$m"; done

# ---- ingot -----------------------------------------------------------------------------------------------------

processes=(a b c)
declare -A api_port=() agent_port=() boot_port=()
for p in "${processes[@]}"; do
  api_port[$p]=$port
  next_port
  agent_port[$p]=$port
  next_port
  boot_port[$p]=$port
  next_port
done
store_flags=(--etcd-endpoints "$endpoints" "${tls_ingot[@]}")
start_ingot() {
  "$ingot" serve --data-dir "$dir/$1" --listen "127.0.0.1:${api_port[$1]}" --store etcd "${store_flags[@]}" \
    --agent-listen "127.0.0.1:${agent_port[$1]}" --boot-listen "127.0.0.1:${boot_port[$1]}" >>"$dir/ingot-$1.log" 2>&1 &
  pids[$1]=$!
}
k() { # PROCESS ARGUMENTS...
  local p=$1
  shift
  kubectl --kubeconfig "$dir/$p/admin.kubeconfig" --request-timeout 20s "$@"
}
within() { # SECONDS WHAT COMMAND...
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >"$dir/last" 2>&1; do
    [ $SECONDS -lt $deadline ] || fail "$what: not within the time: $(tail -n 3 "$dir/last")"
    sleep 0.3
  done
  note "ok    $what"
}
serves() { [ -s "$dir/$1/admin.kubeconfig" ] && k "$1" get namespace kube-system -o name; }
holder() { k "$1" -n kube-system get lease ingot-leader -o 'jsonpath={.spec.holderIdentity}'; }
leader() { # the letter of the process that leads, as the first process that runs tells it
  local p who
  for p in "${processes[@]}"; do
    [ -n "${pids[$p]:-}" ] || continue
    who=$(holder "$p" 2>/dev/null) || continue
    for p in "${processes[@]}"; do
      [[ $who == 127.0.0.1:${api_port[$p]}_* ]] && printf '%s\n' "$p" && return 0
    done
  done
  return 1
}

start_ingot a
within 90 "the first process serves" serves a
"$ingot" serve --data-dir "$dir/stranger" --listen "127.0.0.1:$port" --store etcd "${store_flags[@]}" \
  >"$dir/stranger.log" 2>&1 && fail "a process without the key started"
grep -q 'copy it from another process' "$dir/stranger.log" || fail "a process without the key was not told what to do"
for p in b c; do
  mkdir -p "$dir/$p"
  cp "$dir/a/store.key" "$dir/$p/store.key"
  start_ingot "$p"
done
for p in b c; do within 90 "process $p serves" serves "$p"; done
within 60 "people can see who leads" leader
first=$(leader)
others=()
for p in "${processes[@]}"; do [ "$p" = "$first" ] || others+=("$p"); done

k "${others[0]}" create configmap from-a-follower --from-literal=x=1 >/dev/null || fail "a follower does not pass writes on"
k "${others[1]}" get configmap from-a-follower >/dev/null || fail "a follower does not show what was written through another"
k "$first" create serviceaccount somebody >/dev/null
[ "$(k "${others[0]}" auth can-i create pods --as nobody 2>/dev/null)" = no ] || fail "impersonation through a follower"
if k "${others[0]}" --as system:serviceaccount:default:somebody create configmap forbidden 2>"$dir/last"; then
  fail "a follower passes a write on as somebody else"
fi
grep -q 'system:serviceaccount:default:somebody' "$dir/last" || fail "the leader does not know who asked: $(cat "$dir/last")"
token=$(k "${others[0]}" create token somebody)
[ -n "$token" ] || fail "no token through a follower"
for p in "${processes[@]}"; do
  kubectl --kubeconfig /dev/null --server "https://127.0.0.1:${api_port[$p]}" --insecure-skip-tls-verify \
    --token "$token" auth can-i create pods >"$dir/last" 2>&1 || true
  grep -qx no "$dir/last" || fail "process $p does not know the token: $(cat "$dir/last")"
done
note "ok    writes, names and tokens through followers"

# ---- everything dies, one after the other ------------------------------------------------------------------------

: >"$dir/written"
writer() {
  local i=0 p
  while [ ! -e "$dir/stop" ]; do
    i=$((i + 1))
    p=${processes[$((i % 3))]}
    if k "$p" create configmap "w$i" --from-literal=i=$i >/dev/null 2>>"$dir/refused"; then
      echo "w$i" >>"$dir/written"
    fi
  done
}
writer &
pids[writer]=$!
progress() { # COUNT more writes
  local goal
  goal=$(($(wc -l <"$dir/written") + $1))
  within 120 "$1 more writes" eval "[ \$(wc -l <'$dir/written') -ge $goal ]"
}
progress 5
for m in "${members[@]}"; do # one of them is etcd's leader
  kill_now "$m"
  note "etcd member $m is killed"
  progress 4
  start_member "$m"
  sleep 2
done
for _ in 1 2; do
  led=$(leader) || fail "nobody leads"
  kill_now "$led"
  note "ingot process $led, the leader, is killed"
  progress 4
  start_ingot "$led"
  within 90 "process $led serves again" serves "$led"
done
touch "$dir/stop"
wait "${pids[writer]}" || true
unset "pids[writer]"

for p in "${processes[@]}"; do
  k "$p" get configmap -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.metadata.resourceVersion}{"\n"}{end}' \
    >"$dir/seen-$p" || fail "process $p does not answer"
  while read -r name; do
    grep -q "^$name " "$dir/seen-$p" || fail "$name was acknowledged and process $p does not have it"
  done <"$dir/written"
  cmp -s "$dir/seen-a" "$dir/seen-$p" || fail "process $p shows something else than process a"
done
note "ok    $(wc -l <"$dir/written") writes were acknowledged and are there, the same in all processes"

# ---- keys, moves -------------------------------------------------------------------------------------------------

k b create secret generic hidden --from-literal=word=nobody-reads-this >/dev/null
"$ingot" store rotate-key etcd: "${store_flags[@]}" --store-key "$dir/a/store.key" >"$dir/last" 2>&1 ||
  fail "rotate-key: $(cat "$dir/last")"
k a create secret generic later --from-literal=word=after >/dev/null || fail "no write after the rotation"
[ "$(k c get secret hidden -o 'jsonpath={.data.word}' | base64 -d)" = nobody-reads-this ] || fail "a Secret after the rotation"
kill_now c
start_ingot c
within 90 "a process starts with the new key" serves c
[ "$(k c get secret later -o 'jsonpath={.data.word}' | base64 -d)" = after ] || fail "a Secret after the restart"
for p in "${processes[@]}"; do
  kill -TERM "${pids[$p]}"
  wait "${pids[$p]}" || fail "process $p does not stop"
  unset "pids[$p]"
done
"$ingot" store check etcd: "${store_flags[@]}" --store-key "$dir/a/store.key" >"$dir/check" 2>&1 ||
  fail "store check: $(cat "$dir/check")"
copied() {
  "$ingot" store copy --from etcd: --to "sqlite:$dir/moved/ingot.db" "${store_flags[@]}" \
    --store-key "$dir/a/store.key" >"$dir/last" 2>&1
}
# The process that was killed may have been the leader: the copy is refused until its lease is over.
within 60 "the store is copied" copied
"$ingot" serve --data-dir "$dir/moved" --listen "127.0.0.1:${api_port[a]}" \
  --agent-listen "127.0.0.1:${agent_port[a]}" --boot-listen "127.0.0.1:${boot_port[a]}" >"$dir/ingot-moved.log" 2>&1 &
pids[moved]=$!
within 60 "the moved data is served from SQLite, to who was known before" serves a
k a get configmap -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.metadata.resourceVersion}{"\n"}{end}' \
  >"$dir/seen-moved"
cmp -s "$dir/seen-a" "$dir/seen-moved" || fail "the moved data is not the same"
[ "$(k a get secret hidden -o 'jsonpath={.data.word}' | base64 -d)" = nobody-reads-this ] || fail "a Secret after the move"
note "ok    key rotation, check and a move to SQLite"
say "acceptance_etcd: all good"
