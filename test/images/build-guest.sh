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

# Modules a guest needs to see its devices; the ones a kernel has built in, or has not, are passed over.
modules=(virtio_pci virtio_mmio virtio_blk virtio_net virtio_scsi virtio_balloon virtio_console virtio_rng
  pvpanic-mmio pvpanic-pci button evdev isofs ata_piix ahci sr_mod acpiphp xen-blkfront xen-netfront)

mkdir -p "$cache/kernel"
exec 9>"$cache/lock"
flock 9

# The package names of the kernel for virtual machines, newest habit first.
kernel_packages() {
  local meta image
  for meta in linux-image-cloud-amd64 linux-image-kvm linux-image-virtual; do
    image=$(apt-cache depends "$meta" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1)
    [ -n "$image" ] || continue
    echo "$image"
    # Ubuntu keeps the modules in a package of their own.
    apt-cache depends "$image" 2>/dev/null | sed -n 's/^ *Depends: \(linux-modules-[0-9].*\)$/\1/p' | head -n 1
    return 0
  done
  echo 'build-guest: apt offers no kernel for virtual machines (linux-image-cloud-amd64, linux-image-virtual)' >&2
  return 1
}

fetch_kernel() {
  local fresh=$cache/kernel.new packages
  packages=$(kernel_packages)
  rm -rf "$fresh"
  mkdir -p "$fresh"
  # shellcheck disable=SC2086
  (cd "$fresh" && apt-get -qq -o APT::Sandbox::User=root download $packages >&2)
  rm -rf "$cache/kernel"
  mv "$fresh" "$cache/kernel"
}

if [ "${1:-}" = --refresh ] || ! ls "$cache"/kernel/*.deb >/dev/null 2>&1; then fetch_kernel; fi

busybox=$(command -v busybox)
key=$({ cat "${BASH_SOURCE[0]}" "$here"/guest/* "$busybox"; ls "$cache/kernel"; } | sha256sum | cut -c 1-16)
image=$cache/guest-$key.qcow2
if [ -s "$image" ]; then
  echo "$image"
  exit 0
fi

work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT

unpack_kernel() {
  local deb
  mkdir "$work/kernel"
  for deb in "$cache"/kernel/*.deb; do dpkg -x "$deb" "$work/kernel"; done
  # Merged /usr or not, depmod looks below /lib/modules.
  [ -d "$work/kernel/lib/modules" ] || { mkdir -p "$work/kernel/lib" && mv "$work/kernel/usr/lib/modules" "$work/kernel/lib/"; }
  version=$(ls "$work/kernel/lib/modules")
  depmod -b "$work/kernel" "$version"
}

# Copies the modules with what they depend on, uncompressed; the file `order` says in which order to load them.
copy_modules() {
  local module kind path name
  mkdir -p "$work/root/modules"
  for module in "${modules[@]}"; do
    { modprobe -d "$work/kernel" -S "$version" --show-depends "$module" 2>/dev/null || true; } |
      while read -r kind path _; do
        [ "$kind" = insmod ] || continue
        name=$(basename "$path")
        case $name in
          *.xz) xz -dc "$path" >"$work/root/modules/${name%.xz}" && name=${name%.xz} ;;
          *.zst) zstd -qdc "$path" >"$work/root/modules/${name%.zst}" && name=${name%.zst} ;;
          *) cp "$path" "$work/root/modules/" ;;
        esac
        echo "$name"
      done
  done | awk '!seen[$0]++' >"$work/order"
  mv "$work/order" "$work/root/modules/order"
}

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
  (cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --quiet -0 -o -H newc -R 0:0 --reproducible) |
    gzip -1n >"$work/initrd"
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
copy_modules
make_initramfs
make_disk
# Under its final name only when it is whole. Those built from older inputs may still be in use today.
find "$cache" -name "guest-*.qcow2" -mtime +0 -delete
mv "$work/disk.qcow2" "$image"
chmod 644 "$image"
echo "$image"
