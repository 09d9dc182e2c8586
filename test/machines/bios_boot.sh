#!/usr/bin/env bash
# Lets BIOS firmware boot a disk image with a GPT too: bios_boot.sh IMAGE GRUB_CFG
# GRUB's first sector goes into the MBR, the rest (with the configuration in it) behind the partition table, before the
# first partition at 1 MiB. Needs grub-pc-bin and grub-common; mounts nothing.
set -euo pipefail
image=$1 config=$2
grub=/usr/lib/grub/i386-pc
work=$(mktemp -d "${TMPDIR:-/tmp}/ingot-bios.XXXXXX")
trap 'rm -rf "$work"' EXIT
first=34  # sector, behind the table's 33

# put FILE OFFSET BYTES VALUE: a little-endian number
put() {
  local i value=$4 bytes=''
  for ((i = 0; i < $3; i++)); do bytes+=$(printf '\\x%02x' $((value >> (8 * i) & 255))); done
  printf "$bytes" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

grub-mkimage -O i386-pc -p /boot/grub -c "$config" -o "$work/core" biosdisk part_gpt ext2 search search_label linux boot
sectors=$((($(stat -c %s "$work/core") + 511) / 512))
[ $((first + sectors)) -lt 2048 ] || { echo "bios_boot: GRUB is too large" >&2; exit 1; }
head -c 440 "$grub/boot.img" >"$work/mbr"
put "$work/mbr" $((0x5c)) 8 "$first"
# What the first sector of the core loads: the others, to 0x8200.
put "$work/core" 500 8 $((first + 1))
put "$work/core" 508 2 $((sectors - 1))
put "$work/core" 510 2 $((0x820))
dd if="$work/mbr" of="$image" conv=notrunc status=none
dd if="$work/core" of="$image" bs=512 seek="$first" conv=notrunc status=none
# SeaBIOS boots only from a disk whose MBR has an active partition or the signature; the protective one has the latter.
