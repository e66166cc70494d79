#!/usr/bin/env bash
# Builds a Debian machine with cloud-init, unmodified, from Debian's packages: systemd, networkd, ssh, on a disk of
# two partitions (FAT with the boot loader and kernel, ext4 root) that boots by BIOS. Nothing is mounted.
# Usage: build-debian.sh      prints the path of the image (qcow2); needs root, mmdebstrap and e2fsprogs
# What has been built from the same inputs is not built again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
all=${INNKEEPER_CACHE:-$(cd "$here/../.." && pwd)/.cache}
# The kernel is the test guest's; the image has a folder of its own, for whoever copies the test guest's.
cache=$all/guest
out=$all/debian
. "$here/kernel.sh"
# Debian's own release where this is Debian; elsewhere the oldest one that is supported.
suite=$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME" || echo bookworm)
packages=cloud-init,systemd-sysv,systemd-resolved,dbus,udev,kmod,e2fsprogs,iproute2,openssh-server,sudo,netbase
boot_mib=48
root_mib=1200

mkdir -p "$cache/kernel" "$out"
exec 9>"$cache/lock"
flock 9
ls "$cache"/kernel/*.deb >/dev/null 2>&1 || fetch_kernel
key=$({ cat "${BASH_SOURCE[0]}" "$here/kernel.sh" "$here"/debian/*; echo "$suite"; ls "$cache/kernel"; } | sha256sum | cut -c 1-16)
image=$out/debian-$key.qcow2
if [ -s "$image" ]; then
  echo "$image"
  exit 0
fi
echo "building a Debian machine with cloud-init ($suite), once" >&2
work=$(mktemp -d "$out/build.XXXXXX")
trap 'rm -rf "$work"' EXIT

make_tree() {
  local tree=$work/tree unit
  mmdebstrap --quiet --variant=apt --include="$packages" \
    --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    "$suite" "$tree" >"$out/build.log" 2>&1 || {
    tail -n 20 "$out/build.log" >&2
    exit 1
  }
  rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/*
  mkdir -p "$tree/lib/modules"
  cp -a "$work/kernel/lib/modules/$version" "$tree/lib/modules/"
  echo '/dev/vda2 / ext4 defaults 0 1' >"$tree/etc/fstab"
  # A first boot, as of any cloud image; networkd brings up what cloud-init writes for it.
  : >"$tree/etc/machine-id"
  rm -f "$tree"/etc/ssh/ssh_host_* "$tree/etc/hostname"
  mkdir -p "$tree"/etc/systemd/system/{multi-user,network-online}.target.wants
  ln -sf /lib/systemd/system/systemd-networkd.service "$tree/etc/systemd/system/multi-user.target.wants/"
  ln -sf /lib/systemd/system/systemd-networkd-wait-online.service "$tree/etc/systemd/system/network-online.target.wants/"
  # Timers of a long-lived machine only cost time in one that lives for a minute.
  for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer serial-getty@ttyS0.service getty@tty1.service; do
    ln -sf /dev/null "$tree/etc/systemd/system/$unit"
  done
}

make_initramfs() {
  local root=$work/root applet busybox
  busybox=$(command -v busybox)
  mkdir -p "$root"/{bin,dev,proc,sys,root}
  cp "$busybox" "$root/bin/busybox"
  for applet in sh mount umount insmod sleep switch_root '['; do ln -s busybox "$root/bin/$applet"; done
  install -m 755 "$here/debian/init" "$root/init"
  pack_initramfs
}

# One entry of a DOS partition table: partition FLAG TYPE START SIZE, in sectors; by LBA alone, as all BIOSes read now.
partition() {
  local start size
  start=$(printf '%08x' "$3")
  size=$(printf '%08x' "$4")
  printf "\\x$1\\xfe\\xff\\xff\\x$2\\xfe\\xff\\xff"
  printf "\\x${start:6:2}\\x${start:4:2}\\x${start:2:2}\\x${start:0:2}"
  printf "\\x${size:6:2}\\x${size:4:2}\\x${size:2:2}\\x${size:0:2}"
}

make_disk() {
  local disk=$work/disk.raw fat=$work/disk.raw@@1M
  truncate -s "$((1 + boot_mib + root_mib + 1))M" "$disk"
  dd if=/usr/lib/SYSLINUX/mbr.bin of="$disk" bs=440 count=1 conv=notrunc status=none
  {
    partition 80 0c 2048 $((boot_mib * 2048))
    partition 00 83 $(((1 + boot_mib) * 2048)) $((root_mib * 2048))
    head -c 32 /dev/zero
    printf '\x55\xaa'
  } | dd of="$disk" bs=1 seek=446 conv=notrunc status=none
  mformat -i "$fat" -v BOOT -T $((boot_mib * 2048)) -h 64 -s 32 -H 2048 -N 494e4b51 ::
  mcopy -i "$fat" "$work"/kernel/boot/vmlinuz-* ::vmlinuz
  mcopy -i "$fat" "$work/initrd" ::initrd
  mcopy -i "$fat" "$here/debian/syslinux.cfg" ::syslinux.cfg
  syslinux -i --offset $((1 << 20)) "$disk"
  truncate -s "${root_mib}M" "$work/root.ext4"
  mke2fs -q -t ext4 -F -d "$work/tree" "$work/root.ext4"
  dd if="$work/root.ext4" of="$disk" bs=1M seek=$((1 + boot_mib)) conv=notrunc,sparse status=none
  qemu-img convert -f raw -O qcow2 "$disk" "$work/disk.qcow2"
}

unpack_kernel
# All that a distribution's initramfs finds by itself before systemd's generators run: cloud-init's detector is one,
# and must see the media.
copy_modules virtio_pci virtio_blk virtio_net ext4 ata_piix sr_mod
make_tree
make_initramfs
make_disk
# Under its final name only when it is whole. Those built from older inputs may still be in use today.
find "$out" -name "debian-*.qcow2" -mtime +0 -delete
mv "$work/disk.qcow2" "$image"
chmod 644 "$image"
echo "$image"
