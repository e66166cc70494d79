#!/usr/bin/env bash
# Builds the test guest from Debian (or Ubuntu) packages: the distribution's small kernel, busybox and the
# scripts in guest/, on a disk that boots by BIOS. Nothing is mounted and nothing is installed.
# Usage: build-guest.sh [--refresh]     prints the path of the image (qcow2)
#   --refresh   asks apt for the newest kernel; otherwise the one fetched before is used
# What has been built from the same inputs is not built again. Needs the packages of `setup.sh image`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${INNKEEPER_CACHE:-$(cd "$here/../.." && pwd)/.cache}/guest
size_mib=32
. "$here/kernel.sh"

# Modules a guest needs to see its devices; the ones a kernel has built in, or has not, are passed over.
modules=(virtio_pci virtio_mmio virtio_blk virtio_net virtio_scsi virtio_balloon virtio_console virtio_rng
  pvpanic-mmio pvpanic-pci button evdev isofs ata_piix ahci sr_mod acpiphp xen-blkfront xen-netfront)

mkdir -p "$cache/kernel"
exec 9>"$cache/lock"
flock 9

if [ "${1:-}" = --refresh ] || ! ls "$cache"/kernel/*.deb >/dev/null 2>&1; then fetch_kernel; fi

busybox=$(command -v busybox)
key=$({ cat "${BASH_SOURCE[0]}" "$here/kernel.sh" "$here"/guest/* "$busybox"; ls "$cache/kernel"; } | sha256sum | cut -c 1-16)
image=$cache/guest-$key.qcow2
if [ -s "$image" ]; then
  echo "$image"
  exit 0
fi

work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT

make_initramfs() {
  local root=$work/root applet
  mkdir -p "$root"/{bin,dev,proc,sys,tmp,media,etc/acpi/PWRF}
  cp "$busybox" "$root/bin/busybox"
  for applet in $("$busybox" --list); do [ "$applet" = busybox ] || ln -sf busybox "$root/bin/$applet"; done
  install -m 755 "$here/guest/init" "$root/init"
  printf '#!/bin/sh\ncat /tmp/report\n' >"$root/bin/report"
  chmod 755 "$root/bin/report"
  install -m 755 "$here/guest/udhcpc.sh" "$here/guest/uevent.sh" "$root/etc/"
  install -m 755 "$here/guest/power-button" "$root/etc/acpi/PWRF/00000080"
  pack_initramfs
}

# A FAT file system over the whole disk with syslinux in its boot sector: BIOS starts it like a big floppy.
make_disk() {
  local disk=$work/disk.raw
  truncate -s "${size_mib}M" "$disk"
  mformat -i "$disk" -v GUEST -T $((size_mib * 2048)) -h 64 -s 32 -N 494e4b50 ::
  mcopy -i "$disk" "$work"/kernel/boot/vmlinuz-* ::vmlinuz
  mcopy -i "$disk" "$work/initrd" ::initrd
  mcopy -i "$disk" "$here/guest/syslinux.cfg" ::syslinux.cfg
  syslinux -i "$disk"
  qemu-img convert -f raw -O qcow2 "$disk" "$work/disk.qcow2"
}

unpack_kernel
copy_modules "${modules[@]}"
make_initramfs
make_disk
# Under its final name only when it is whole. Those built from older inputs may still be in use today.
find "$cache" -name "guest-*.qcow2" -mtime +0 -delete
mv "$work/disk.qcow2" "$image"
chmod 644 "$image"
echo "$image"
