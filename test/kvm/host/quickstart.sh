# The quickstart as a user would run it, then its check; sourced by host-run.
evidence() { tail -n 1 /tmp/check.out | jq -e "$1"; }
setup_installs_nothing() {
  bash scripts/setup.sh run image >/tmp/setup.out 2>&1 || { cat /tmp/setup.out; return 1; }
  ! grep -E 'installing|apt-get' /tmp/setup.out
}
domain_type() { virsh dumpxml "$(virsh list --name | grep '^ikq-')" | grep -F "<domain type='kvm'"; }
check_passes() { bash scripts/quickstart.sh --check >/tmp/check.out 2>&1 || { cat /tmp/check.out; return 1; }; }

is 'systemd is the first process' grep -qx systemd /proc/1/comm
is 'there is a /dev/kvm' test -c /dev/kvm
is 'set-up finds nothing to install, and starts libvirt by systemd' setup_installs_nothing
is 'the quickstart brings a VServer up' bash scripts/quickstart.sh
is 'its domain runs by KVM' domain_type
is 'the quickstart stops and leaves nothing' bash scripts/quickstart.sh --stop
is 'the check passes' check_passes
is 'the agent chose KVM' evidence '.evidence.host.hypervisor == "kvm"'
is 'the guest got its address' evidence .evidence.address.held
is 'the guest read its user data' evidence .evidence.userData.held
is 'the guest read its context ISO' evidence .evidence.contextIso.held
is 'the initial password was handed over' evidence .evidence.initialPassword.held
is 'the control plane saw capacity change' evidence .evidence.capacity.held
is 'the control plane saw every event' evidence .evidence.events.held
is 'nothing is left' evidence .evidence.takenDown.held
tail -n 1 /tmp/check.out | sed 's/^/# /'
