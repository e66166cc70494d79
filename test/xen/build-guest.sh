#!/usr/bin/env bash
# The test guest for paravirtual Xen: the same kernel and initramfs as everywhere (test/images/build-guest.sh), on an
# ext4 file system where pygrub finds them. Prints the path of the image (raw, a few seconds, kept in .cache/guest).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bios=$(bash "$here/../images/build-guest.sh")
key=$({ cat "${BASH_SOURCE[0]}" "$here/grub.cfg"; basename "$bios"; } | sha256sum | cut -c 1-16)
image=$(dirname "$bios")/guest-xen-$key.raw
if [ ! -s "$image" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/root/boot/grub"
  qemu-img convert -O raw "$bios" "$work/disk.raw"
  mcopy -i "$work/disk.raw" ::vmlinuz ::initrd "$work/root/boot/"
  cp "$here/grub.cfg" "$work/root/boot/grub/"
  truncate -s 48M "$work/new.raw"
  mke2fs -q -t ext4 -F -d "$work/root" "$work/new.raw"
  find "$(dirname "$image")" -name 'guest-xen-*.raw' -mtime +0 -delete
  mv "$work/new.raw" "$image"
fi
echo "$image"
