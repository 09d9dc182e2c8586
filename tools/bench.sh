# shellcheck shell=bash
# `./dev bench`: runs the programs of test/bench, those of the API against a manager of its own. Sourced by ./dev after
# tools/demo.sh, whose functions start and end processes.

bench_resident() {  # PID WHEN
  awk -v when="$2" '/^VmRSS:/ {printf "resident memory of the manager %s: %.1f MiB\n", when, $2 / 1024}' "/proc/$1/status"
}

# A manager without servers to look after.
bench_start_manager() {
  demo_start serve --data-dir "$demo_dir/ingot" --listen "127.0.0.1:$(demo_port 26443)" \
    --agent-listen "127.0.0.1:$(demo_port 26385)" --boot-listen "127.0.0.1:$(demo_port 26180)" --log-level warn
  export KUBECONFIG=$demo_dir/ingot/admin.kubeconfig
  demo_wait 30 "Ingot answers" kubectl get --raw /readyz
}

bench() {  # PROGRAMS ARGUMENTS...
  local programs=$1 program manager
  shift
  demo_ingot=$PWD/build-release/ingot
  demo_directory
  trap demo_cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  say ""
  say "commit $(git rev-parse --short HEAD 2>/dev/null || say unknown), $(date -u +%F), $(nproc) x$(sed -n 's/^model name[^:]*://p' /proc/cpuinfo | head -n 1), load $(cut -d ' ' -f 1 /proc/loadavg)"
  for program in $programs; do
    say ""
    say "== $program"
    if [ "$program" = bench_api ]; then
      bench_start_manager
      manager=${demo_children[-1]%% *}
      bench_resident "$manager" "at start"
      "build-release/$program" --kubeconfig "$KUBECONFIG" "$@" || demo_failed "$program failed"
      bench_resident "$manager" "at the end"
    else
      mkdir "$demo_dir/$program"  # on the disk whose speed is measured
      "build-release/$program" "$demo_dir/$program" "$@" || demo_failed "$program failed"
    fi
  done
}
