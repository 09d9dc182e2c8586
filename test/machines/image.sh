#!/usr/bin/env bash
# Builds a small real Debian with cloud-init as a raw disk image that UEFI and BIOS firmware boot: image.sh OUTPUT.raw
# Needs root, mmdebstrap, fdisk, dosfstools, mtools, e2fsprogs, grub-efi-amd64-signed, grub-pc-bin; mounts nothing.
set -euo pipefail
output=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/ingot-image.XXXXXX")
trap 'rm -rf "$work"' EXIT

packages=systemd,systemd-sysv,dbus,udev,cloud-init,linux-image-cloud-amd64,initramfs-tools,zstd,iproute2,netbase,ifupdown
echo "image: installing Debian into a folder (a few minutes; the packages come from the mirror)"
mmdebstrap --quiet --variant=minbase --mode=root --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='echo "root:ingot" | chroot "$1" chpasswd' \
  --customize-hook='printf "datasource_list: [ ConfigDrive, None ]\n" >"$1/etc/cloud/cloud.cfg.d/90-ingot.cfg"' \
  --customize-hook='printf "LABEL=root / ext4 defaults 0 1\n" >"$1/etc/fstab"' \
  --customize-hook='rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/*' \
  bookworm "$work/root"

kernel=$(basename "$work"/root/boot/vmlinuz-*)
initrd=$(basename "$work"/root/boot/initrd.img-*)
cat >"$work/grub.cfg" <<EOF
search --no-floppy --label root --set=root
linux /boot/$kernel root=LABEL=root console=tty0 console=ttyS0,115200 net.ifnames=0
initrd /boot/$initrd
boot
EOF

mebibytes=$(($(du -sm "$work/root" | cut -f1) * 5 / 4 + 150))
echo "image: a root file system of $mebibytes MiB"
mke2fs -q -t ext4 -L root -d "$work/root" "$work/root.ext4" "${mebibytes}M"
truncate -s 32M "$work/esp"
mkfs.vfat -n ESP "$work/esp" >/dev/null
mmd -i "$work/esp" ::/EFI ::/EFI/BOOT ::/EFI/debian
mcopy -i "$work/esp" /usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed ::/EFI/BOOT/BOOTX64.EFI
mcopy -i "$work/esp" "$work/grub.cfg" ::/EFI/debian/grub.cfg

rm -f "$output"
truncate -s "$((mebibytes + 32 + 4))M" "$output"
sfdisk --quiet "$output" <<EOF
label: gpt
start=1MiB, size=32MiB, type=uefi, name=esp
start=33MiB, size=${mebibytes}MiB, type=linux, name=root
EOF
dd if="$work/esp" of="$output" bs=1M seek=1 conv=notrunc,sparse status=none
dd if="$work/root.ext4" of="$output" bs=1M seek=33 conv=notrunc,sparse status=none
"$(dirname "$(readlink -f "$0")")/bios_boot.sh" "$output" "$work/grub.cfg"
echo "image: $output, $(du -sm "$output" | cut -f1) MiB used of $((mebibytes + 36))"
