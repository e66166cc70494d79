#!/usr/bin/env bash
# Builds what boot-dom0.sh boots as a real Xen host. Prints its folder:
#   xen (the hypervisor), vmlinuz, initrd.img, host.img (ext4 root of dom0, sparse)
# Needs root, mmdebstrap and e2fsprogs; about a minute and a half. Kept in .cache/xen until its inputs change.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${INNKEEPER_CACHE:-$root/.cache}/xen
. "$root/scripts/lib/say.sh"
. "$root/scripts/lib/packages.sh"

# Debian's own release where this is Debian; elsewhere the oldest one that is supported.
suite=$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME" || echo bookworm)

# The full kernel: the small one for virtual machines cannot be dom0. seabios is the firmware of HVM guests.
packages=$({
  echo linux-image-amd64 systemd-sysv dbus udev ca-certificates
  echo xen-system-amd64 xenstore-utils qemu-system-xen seabios libvirt-daemon-driver-xen libvirt-clients libxml2-utils
  echo jq tcpdump
  packages_of run
} | tr ' ' '\n' | sed 's/|.*//' | grep -vx qemu-system-x86 | sort -u | paste -s -d ,)

key=$({ cat "${BASH_SOURCE[0]}" "$here/testbed.service"; echo "$suite $packages"; } | sha256sum | cut -c 1-16)
out=$cache/dom0-$key
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ -s "$out/host.img" ]; then
  echo "$out"
  exit 0
fi
echo "building a Xen host from Debian packages ($suite), once" >&2

work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mmdebstrap --quiet --variant=apt --include="$packages" "$suite" "$tree" >"$cache/build.log" 2>&1 || {
  tail -n 20 "$cache/build.log" >&2
  exit 1
}
echo '/dev/vda / ext4 defaults 0 0' >"$tree/etc/fstab"
echo xenhost >"$tree/etc/hostname"
install -m 644 "$here/testbed.service" "$tree/etc/systemd/system/"
mkdir -p "$tree/srv/share" "$tree/etc/systemd/system/multi-user.target.wants"
ln -s ../testbed.service "$tree/etc/systemd/system/multi-user.target.wants/"
# Timers of a long-lived machine only cost time in one that lives for minutes; a getty would hang up the console.
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer \
  serial-getty@hvc0.service getty@tty1.service; do
  ln -sf /dev/null "$tree/etc/systemd/system/$unit"
done

# The emulated processor has no VME, and Xen hides SEP from guests on AMD: with both demanded by every model
# it knows, libvirt would find no model for this host and refuse to drive it. Real processors have them.
sed -i -e "/name='vme'/d" -e "/name='sep'/d" "$tree"/usr/share/libvirt/cpu_map/x86_{486,pentium*,kvm32,kvm64,qemu32,qemu64}.xml

mkdir "$work/out"
# QEMU loads the hypervisor by multiboot, which wants it unpacked.
gunzip -c "$tree"/boot/xen-*-amd64.gz >"$work/out/xen"
cp "$tree"/boot/vmlinuz-* "$work/out/vmlinuz"
cp "$tree"/boot/initrd.img-* "$work/out/initrd.img"
truncate -s 8G "$work/out/host.img"
mke2fs -q -t ext4 -F -d "$tree" "$work/out/host.img"
find "$cache" -maxdepth 1 -name 'dom0-*' -exec rm -rf {} +
mv "$work/out" "$out"
echo "$out"
