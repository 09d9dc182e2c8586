# shellcheck shell=bash
# `./dev interop ipa`: a stock ironic-python-agent, from PyPI, as the ramdisk of a made-up server: inspected, written,
# started, deprovisioned. It runs as nobody in namespaces that show it no device of this machine (python/ipa_cage.sh).
# Sourced by ./dev after bmc.sh, whose functions install and clean up.

interop_ipa() {
  bmc_dir=$(mktemp -d "${TMPDIR:-/tmp}/ingot-ipa.XXXXXX")
  chmod 755 "$bmc_dir"  # the agent is nobody
  bmc_pids=()
  bmc_skipped=()
  interop_failures=0
  trap bmc_cleanup EXIT INT TERM HUP
  say "a stock ironic-python-agent is a server's ramdisk"
  if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null || ! unshare --mount --pid --fork --ipc true 2>/dev/null; then
    bmc_skip ironic-python-agent "only root with namespaces (unshare, setpriv) can keep it away from this machine's disks"
  elif bmc_install ipa 'ironic-python-agent==13.0.0' pycdlib pyyaml; then
    "$bmc_python/ipa/bin/python" -W ignore test/interop/python/ipa.py build/ingot "$bmc_python/ipa" "$bmc_dir/ipa" ||
      interop_failures=1
  fi
  if [ ${#bmc_skipped[@]} -gt 0 ]; then say "skipped: ${bmc_skipped[*]}"; fi
  [ $interop_failures -eq 0 ] || fail "ipa: failed; see $bmc_dir"
  say "ipa: every check of what is here passed"
}
