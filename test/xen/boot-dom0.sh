#!/usr/bin/env bash
# Boots the Xen host made by build-dom0.sh and runs a program in its dom0, by QEMU's emulation alone.
# Usage: boot-dom0.sh HOST FOLDER CONSOLE_LOG SECONDS
#   HOST         what build-dom0.sh printed
#   FOLDER       its content is /srv/share inside (a copy: changes are lost); FOLDER/host-run is run there
#   CONSOLE_LOG  file for the console of Xen and dom0
# Standard output and exit status are those of host-run; 124 if the time is up, 125 if it did not get to its end.
set -euo pipefail
host=${1:?usage: boot-dom0.sh HOST FOLDER CONSOLE_LOG SECONDS} folder=${2:?} console=${3:?} seconds=${4:?}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
truncate -s 4G "$work/share.img"
mke2fs -q -t ext4 -F -d "$folder" "$work/share.img"

# The processor: one with SVM and nested paging, for HVM and PVH guests, and without SMAP and SMEP, at which dom0's
# kernel faults here; and without RDTSCP, which the emulation reports to Xen as another instruction: PVH guests died of it.
# The credit scheduler is the one whose weights and caps libvirt can set.
# Time passes by what was computed (4 ns an instruction), or else libxl, which gives its scripts 40 seconds, would kill
# them whenever the machine that emulates has no time.
# One CPU: V8 now and then crashes on an emulated machine with several. No network: everything is on the disks.
set +e
timeout --foreground --kill-after=5 "$seconds" qemu-system-x86_64 -accel tcg,thread=single,tb-size=512 -icount shift=2 \
  -cpu Opteron_G3,+npt,-rdtscp -smp 1 -m 4096 \
  -kernel "$host/xen" \
  -append 'console=com1 com1=115200,8n1 dom0_mem=2560M,max:2560M dom0_max_vcpus=1 sched=credit loglvl=warning' \
  -initrd "$host/vmlinuz root=/dev/vda rw console=hvc0 net.ifnames=0 quiet systemd.show_status=0 mitigations=off,$host/initrd.img" \
  -drive "file=$host/host.img,if=virtio,format=raw,cache=unsafe,snapshot=on" \
  -drive "file=$work/share.img,if=virtio,format=raw,cache=unsafe" \
  -nodefaults -device virtio-rng-pci -display none -no-reboot \
  -serial "file:$console" -serial stdio </dev/null |
  sed -u 's/\r//g' | tee "$work/output" | grep --line-buffered -v '^TESTBED-EXIT '
status=${PIPESTATUS[0]}
[ "$status" -ne 124 ] || exit 124
exit "$(sed -n 's/^TESTBED-EXIT //p' "$work/output" | grep . || echo 125)"
