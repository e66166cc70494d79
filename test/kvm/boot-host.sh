#!/usr/bin/env bash
# Boots the machine made by build-host.sh and runs a program in it. QEMU's emulation includes AMD's SVM, so the
# machine has a /dev/kvm that works, on any computer.
# Usage: boot-host.sh HOST FOLDER CONSOLE_LOG SECONDS
#   HOST         what build-host.sh printed
#   FOLDER       its content is /srv/share inside (a copy: changes are lost); FOLDER/host-run is run there
#   CONSOLE_LOG  file for the machine's console
# Standard output and exit status are those of host-run; 124 if the time is up, 125 if it did not get to its end.
set -euo pipefail
host=${1:?usage: boot-host.sh HOST FOLDER CONSOLE_LOG SECONDS} folder=${2:?} console=${3:?} seconds=${4:?}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
truncate -s 1G "$work/empty.img"
truncate -s 4G "$work/share.img"
mke2fs -q -t ext4 -F -d "$folder" "$work/share.img"

# Two NUMA nodes of one CPU each. The second CPU is for guests that are pinned to it and nothing else (isolcpus): V8
# now and then crashes where it runs on several emulated CPUs. No network: everything is on the disks. The third disk is
# empty. The machine may reboot itself: what it has written stays until it powers off.
set +e
timeout --foreground --kill-after=5 "$seconds" qemu-system-x86_64 -accel tcg,thread=multi,tb-size=512 \
  -cpu max,-smap,-smep,-la57 -smp 2 -m 4096 \
  -object memory-backend-ram,id=near,size=3072M -numa node,nodeid=0,cpus=0,memdev=near \
  -object memory-backend-ram,id=far,size=1024M -numa node,nodeid=1,cpus=1,memdev=far \
  -kernel "$host/vmlinuz" -initrd "$host/initrd.img" \
  -append 'root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet systemd.show_status=0 mitigations=off isolcpus=1' \
  -drive "file=$host/host.img,if=virtio,format=raw,cache=unsafe,snapshot=on" \
  -drive "file=$work/share.img,if=virtio,format=raw,cache=unsafe" \
  -drive "file=$work/empty.img,if=virtio,format=raw,cache=unsafe" \
  -nodefaults -device virtio-rng-pci -display none \
  -serial "file:$console" -serial stdio </dev/null |
  stdbuf -oL tr -d '\r' | tee "$work/output" | grep --line-buffered -v '^TESTBED-EXIT '
status=${PIPESTATUS[0]}
[ "$status" -ne 124 ] || exit 124
exit "$(sed -n 's/^TESTBED-EXIT //p' "$work/output" | grep . || echo 125)"
