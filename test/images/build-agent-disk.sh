#!/usr/bin/env bash
# Builds a disk with QEMU's guest agent for the test guest, which has only busybox: this machine's own qemu-ga with
# the libraries it needs, and the modules of ext4, on an ISO 9660 file system.
# Usage: build-agent-disk.sh     prints the path of the image (raw)
# What has been built from the same inputs is not built again. Needs qemu-guest-agent, genisoimage and the test guest's
# kernel, which is fetched if it is not there.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${INNKEEPER_CACHE:-$(cd "$here/../.." && pwd)/.cache}/guest
. "$here/kernel.sh"

mkdir -p "$cache/kernel"
exec 9>"$cache/lock"
flock 9
ls "$cache"/kernel/*.deb >/dev/null 2>&1 || fetch_kernel

program=$(PATH=$PATH:/usr/sbin command -v qemu-ga)
libraries=$(ldd "$program" | sed -n -e 's/.*=> \(\/[^ ]*\) .*/\1/p' -e 's/^[[:space:]]*\(\/[^ ]*ld-linux[^ ]*\) .*/\1/p' | sort -u)
# shellcheck disable=SC2086
key=$({ cat "${BASH_SOURCE[0]}" "$here/kernel.sh" "$program" $libraries; ls "$cache/kernel"; } | sha256sum | cut -c 1-16)
image=$cache/agent-$key.iso
if [ -s "$image" ]; then
  echo "$image"
  exit 0
fi

work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/lib"
unpack_kernel
copy_modules ext4
# shellcheck disable=SC2086
cp -L $libraries "$work/root/lib/"
cp "$program" "$work/root/qemu-ga"
cat >"$work/root/start" <<'SCRIPT'
#!/bin/sh
# Starts the agent in the test guest, from wherever this disk is mounted.
here=${0%/*}
while read -r module; do insmod "$here/modules/$module"; done <"$here/modules/order"
for port in /sys/class/virtio-ports/*; do
  [ "$(cat "$port/name")" = org.qemu.guest_agent.0 ] || continue
  "$here"/lib/ld-linux* --library-path "$here/lib" "$here/qemu-ga" -d -m virtio-serial -p "/dev/${port##*/}" \
    -t /tmp -f /tmp/qemu-ga.pid -l /tmp/qemu-ga.log
done
SCRIPT
chmod 755 "$work/root/start"
genisoimage -quiet -R -V AGENT -o "$work/agent.iso" "$work/root"
find "$cache" -name "agent-*.iso" -mtime +0 -delete
mv "$work/agent.iso" "$image"
chmod 644 "$image"
echo "$image"
