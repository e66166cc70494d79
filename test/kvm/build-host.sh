#!/usr/bin/env bash
# Builds the disk of a Debian machine that is a real KVM host once boot-host.sh has booted it. Prints its folder:
#   vmlinuz, initrd.img, host.img (ext4 root, sparse)
# Needs root, mmdebstrap and e2fsprogs; about a minute and a half. Kept in .cache/kvm until its inputs change.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${INNKEEPER_CACHE:-$root/.cache}/kvm
. "$root/scripts/lib/say.sh"
. "$root/scripts/lib/packages.sh"

# Debian's own release where this is Debian; elsewhere the oldest one that is supported.
suite=$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME" || echo bookworm)

# What the host needs to boot, what Innkeeper needs (nothing is installed inside: it has no network), and what
# hosts are tested with: LVM thin pools, NFS.
packages=$({
  echo linux-image-amd64 systemd-sysv dbus udev ca-certificates lvm2 thin-provisioning-tools nfs-kernel-server nfs-common
  packages_of run
  packages_of image
  echo libvirt-clients jq tcpdump
} | tr ' ' '\n' | sed 's/|.*//' | sort -u | paste -s -d ,)

key=$({ cat "${BASH_SOURCE[0]}" "$here/testbed.service"; echo "$suite $packages"; } | sha256sum | cut -c 1-16)
out=$cache/host-$key
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ -s "$out/host.img" ]; then
  echo "$out"
  exit 0
fi
echo "building a KVM host from Debian packages ($suite), once" >&2

work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mmdebstrap --quiet --variant=apt --include="$packages" "$suite" "$tree" >"$cache/build.log" 2>&1 || {
  tail -n 20 "$cache/build.log" >&2
  exit 1
}
echo '/dev/vda / ext4 defaults 0 0' >"$tree/etc/fstab"
echo kvmhost >"$tree/etc/hostname"
install -m 644 "$here/testbed.service" "$tree/etc/systemd/system/"
mkdir -p "$tree/srv/share" "$tree/etc/systemd/system/multi-user.target.wants"
ln -s ../testbed.service "$tree/etc/systemd/system/multi-user.target.wants/"
# Timers of a long-lived machine only cost time in one that lives for minutes.
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer serial-getty@ttyS0.service; do
  ln -sf /dev/null "$tree/etc/systemd/system/$unit"
done

mkdir "$work/out"
cp "$tree"/boot/vmlinuz-* "$work/out/vmlinuz"
cp "$tree"/boot/initrd.img-* "$work/out/initrd.img"
truncate -s 8G "$work/out/host.img"
mke2fs -q -t ext4 -F -d "$tree" "$work/out/host.img"
find "$cache" -maxdepth 1 -name 'host-*' -exec rm -rf {} +
mv "$work/out" "$out"
echo "$out"
