#!/usr/bin/env bash
# Boots the machine until it powers off; when it reboots, it boots again with the files that it has by then.
# Usage: boot-host.sh TREE SHARE OUT WORK      (WORK: an empty folder)
set -euo pipefail
tree=$1 share=$2 out=$3 work=$4
# What is mounted here is seen by nobody else, and goes with this process and the machine.
[ -n "${INNKEEPER_TEST_APART-}" ] || INNKEEPER_TEST_APART=1 exec unshare --mount "$0" "$@"

# Changes go to memory; the kept tree stays as it was built.
mount -t tmpfs machine "$work"
mkdir "$work"/{changes,scratch,root}
mount -t overlay -o "lowerdir=$tree,upperdir=$work/changes,workdir=$work/scratch" machine "$work/root"

machine=''
trap '[ -z "$machine" ] || kill "$machine"' TERM INT
# What systemd-nspawn ends with when the machine asked for a reboot (--keep-unit).
reboot=133 status=133
while [ "$status" -eq "$reboot" ]; do
  # No network but the machine's own. QEMU and libvirt need more than a container has by default: capabilities, and
  # the tun device.
  systemd-nspawn --quiet --directory="$work/root" --boot --register=no --keep-unit --private-network --capability=all \
    --machine="ikpkg$$" --console=pipe --bind=/dev/net/tun --bind-ro="$share":/srv/share --bind="$out":/srv/out \
    </dev/null &
  machine=$!
  status=0
  wait "$machine" || status=$?
done
exit "$status"
