#!/bin/bash
# Runs a stock ironic-python-agent where it can reach no device of this machine: as root, in namespaces of its own, this
# hides them; then it becomes nobody, looks whether it is so, and only then starts the agent.
#   ipa_cage.sh ROOM VENV COMMAND...   (started by ipa.py)
set -euo pipefail
room=$1 venv=$2
shift 2
mount --make-rprivate /
mount --bind "$room" "$room"
mount --bind "$venv" "$room/venv"
mkdir -p "$room/dev"
mount -t tmpfs -o mode=755 none "$room/dev"
for node in null zero random urandom; do
  : >"$room/dev/$node"
  mount --bind "/dev/$node" "$room/dev/$node"
done
mkdir "$room/dev/shm"
chmod 1777 "$room/dev/shm"
mount -t proc proc /proc
mount --bind "$room/cmdline" /proc/cmdline
[ ! -e /proc/sysrq-trigger ] || mount --bind /dev/null /proc/sysrq-trigger
mount --bind "$room/etc" /etc
mount -t tmpfs -o mode=1777 none /run
mount -t tmpfs -o mode=1777 none /var/log
mount -t tmpfs -o mode=1777 none /var/tmp
mount -t tmpfs none /sys
mkdir -p /sys/class/net
mount -o remount,ro /sys
mount --move "$room/dev" /dev
mount -o remount,bind,ro /
nobody=(/usr/bin/setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all)
"${nobody[@]}" /bin/bash -c '
  [ "$(/usr/bin/id -u)" = 65534 ] || { echo "cage: still a privileged user" >&2; exit 1; }
  /bin/grep -q "^CapEff:.0000000000000000$" /proc/self/status || {
    echo "cage: has capabilities" >&2; exit 1; }
  [ -z "$(/usr/bin/find / -xdev -type b 2>/dev/null)$(/usr/bin/find /dev /run /tmp -type b 2>/dev/null)" ] || {
    echo "cage: a block device can be seen" >&2; exit 1; }
  [ "$(/usr/bin/find /sys | /usr/bin/wc -l)" = 3 ] || { echo "cage: /sys can be seen" >&2; exit 1; }
  ! (echo b >/dev/kmsg) 2>/dev/null || { echo "cage: the kernel log can be written" >&2; exit 1; }
  [ ! -f /proc/sysrq-trigger ] || { echo "cage: the kernel can be told to reboot" >&2; exit 1; }
  ! (: >/cage-probe) 2>/dev/null || { echo "cage: the root can be written" >&2; exit 1; }
'
exec /usr/bin/env -i "PATH=$room/bin" "HOME=$room" "IPA_RACK=$room/rack" "PYTHONPATH=$room/plugin" "TMPDIR=$room/tmp" \
  "${nobody[@]}" "$@"
