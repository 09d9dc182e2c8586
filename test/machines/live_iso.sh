#!/usr/bin/env bash
# Builds a small live system that UEFI firmware boots from a CD: live_iso.sh KERNEL OUTPUT.iso
# Its only program says on the serial console that it runs, again and again. Needs g++, xorriso, dosfstools,
# mtools, python3, grub-efi-amd64-signed.
set -euo pipefail
kernel=$1 output=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/ingot-live.XXXXXX")
trap 'rm -rf "$work"' EXIT

cat >"$work/init.cpp" <<'EOF'
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdio>

int main() {
  mkdir("/proc", 0755);
  mkdir("/dev", 0755);
  mount("proc", "/proc", "proc", 0, nullptr);
  mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr);
  char arguments[4096] = "";
  if (std::FILE* in = std::fopen("/proc/cmdline", "r")) {
    if (std::fgets(arguments, sizeof arguments, in) == nullptr) arguments[0] = '\0';
    std::fclose(in);
  }
  for (int beat = 0;; ++beat) {
    if (std::FILE* out = std::fopen("/dev/ttyS0", "w")) {
      std::fprintf(out, "LIVE-SYSTEM beat=%d arguments=%s\r\n", beat, arguments);
      std::fclose(out);
    }
    sleep(2);
  }
}
EOF
g++ -static -O1 -o "$work/init" "$work/init.cpp"
# A cpio archive of the form newc with that one file (kernel documentation, buffer-format.rst).
python3 - "$work/init" "$work/initrd" <<'EOF'
import sys
def entry(name, mode, data):
    fields = [1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % f for f in fields) + name + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)
with open(sys.argv[1], "rb") as source, open(sys.argv[2], "wb") as out:
    out.write(entry(b"init", 0o100755, source.read()) + entry(b"TRAILER!!!", 0, b""))
EOF
mkdir -p "$work/iso/live" "$work/iso/boot/grub"
cp "$kernel" "$work/iso/live/vmlinuz"
cp "$work/initrd" "$work/iso/live/initrd"
cat >"$work/iso/boot/grub/grub.cfg" <<'EOF'
set timeout=0
linux /live/vmlinuz console=ttyS0,115200 no_timer_check live.system=from-iso
initrd /live/initrd
boot
EOF
truncate -s 4M "$work/iso/esp.img"
mkfs.vfat -n LIVE "$work/iso/esp.img" >/dev/null
mmd -i "$work/iso/esp.img" ::/EFI ::/EFI/BOOT
mcopy -i "$work/iso/esp.img" /usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed ::/EFI/BOOT/BOOTX64.EFI
xorriso -as mkisofs -quiet -r -V LIVE -o "$output" -e esp.img -no-emul-boot "$work/iso"
