# libvirt's daemons: used as they run, started if nothing answers on libvirt's socket.

LIBVIRT_SOCKET=/run/libvirt/libvirt-sock

socket_answers() {
  node -e 'require("node:net").connect(process.argv[1])
    .on("connect", () => process.exit(0)).on("error", () => process.exit(1))' "$1"
}

# Waits up to 15 seconds; a daemon that has just been started opens its socket within one.
wait_for_socket() {
  local tries
  for tries in $(seq 75); do
    socket_answers "$1" && return 0
    sleep 0.2
  done
  return 1
}

# udev gives /dev/kvm to the group kvm. Without udev QEMU's user cannot open it while root can, and libvirt 9, which
# asks both, then takes its knowledge of QEMU for stale and gathers it anew at every start: minutes instead of one second.
share_kvm_device() {
  [ -c /dev/kvm ] && ! pgrep -x systemd-udevd >/dev/null && getent group kvm >/dev/null || return 0
  [ "$(stat -c '%G %a' /dev/kvm)" = 'kvm 660' ] && return 0
  say 'giving /dev/kvm to the group kvm, as udev would'
  chgrp kvm /dev/kvm && chmod 0660 /dev/kvm
}

start_daemons() {
  share_kvm_device
  if socket_answers "$LIBVIRT_SOCKET"; then
    say 'libvirtd: running'
  elif [ -d /run/systemd/system ]; then
    say 'starting libvirtd and virtlogd (systemctl)'
    systemctl start virtlogd.socket libvirtd.service ||
      fail 1 'libvirtd did not start; see: journalctl -u libvirtd'
  else
    say 'starting virtlogd and libvirtd (no systemd here)'
    # Descriptor 9 is the set-up's lock: a daemon that kept it would block the next set-up.
    pgrep -x virtlogd >/dev/null || virtlogd -d 9>&- || fail 1 'virtlogd did not start.'
    libvirtd -d 9>&- || fail 1 'libvirtd did not start.'
  fi
  wait_for_socket "$LIBVIRT_SOCKET" || fail 1 "libvirtd does not answer on $LIBVIRT_SOCKET."
}
