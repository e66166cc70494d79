#!/usr/bin/env bash
# Builds the file tree of a Debian machine with systemd, libvirt and QEMU, for systemd-nspawn. Prints its folder.
# Needs root and mmdebstrap; about a minute. Kept in .cache/package until its inputs change.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=$root/.cache/package
. "$root/scripts/lib/say.sh"
. "$root/scripts/lib/packages.sh"

# Debian's own release where this is Debian; elsewhere the oldest one that is supported.
suite=$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME" || echo bookworm)

# Nothing is installed inside but Innkeeper itself: the machine has no network.
packages=$({
  echo systemd-sysv dbus libvirt-clients jq
  packages_of run
} | tr ' ' '\n' | sed 's/|.*//' | sort -u | paste -s -d ,)

key=$({ cat "${BASH_SOURCE[0]}" "$here"/*.service; echo "$suite $packages"; } | sha256sum | cut -c 1-16)
out=$cache/host-$key
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ -d "$out" ]; then
  echo "$out"
  exit 0
fi
echo "building a machine with systemd from Debian packages ($suite), once" >&2

work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mmdebstrap --quiet --variant=apt --include="$packages" "$suite" "$tree" >"$cache/build.log" 2>&1 || {
  tail -n 20 "$cache/build.log" >&2
  exit 1
}
install -m 644 "$here/testbed.service" "$here/boot-id.service" "$tree/etc/systemd/system/"
mkdir -p "$tree/srv/share" "$tree/srv/out" "$tree/etc/systemd/system/"{multi-user,sysinit}.target.wants
ln -s ../boot-id.service "$tree/etc/systemd/system/sysinit.target.wants/"
ln -s ../testbed.service "$tree/etc/systemd/system/multi-user.target.wants/"
# A container has no cgroup controllers of its own on every host, and the tests' guests need none.
echo 'cgroup_controllers = []' >>"$tree/etc/libvirt/qemu.conf"
# When the machine is rebooted, a guest that does not heed the request holds it up no longer than this (seconds).
echo 'SHUTDOWN_TIMEOUT=60' >>"$tree/etc/default/libvirt-guests"
# Timers of a long-lived machine only cost time in one that lives for minutes.
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer; do
  ln -sf /dev/null "$tree/etc/systemd/system/$unit"
done
find "$cache" -maxdepth 1 -name 'host-*' -exec rm -rf {} +
mv "$tree" "$out"
echo "$out"
