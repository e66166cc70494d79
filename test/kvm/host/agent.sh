# An agent for the other topics, as a service that outlives a reboot, and the ground it stands on; sourced by host-run.
pools_are_made() {
  # A host that is its own NFS server must not end that first.
  install -d /etc/systemd/system/nfs-server.service.d &&
    printf '[Unit]\nBefore=mnt-nas.mount\n' >/etc/systemd/system/nfs-server.service.d/mount.conf && systemctl daemon-reload
  # The third disk is empty; LVM finds its volumes again by itself when the host comes up.
  vgcreate -qq ikt /dev/vdc && lvcreate -qq -y --type thin-pool -L 600M -n thin ikt &&
    install -d /srv/export && echo '/srv/export 127.0.0.1(rw,no_root_squash,insecure,fsid=1)' >/etc/exports &&
    systemctl enable --now nfs-server && exportfs -ra
}

# Both nodes get the same number; a file makes it the same after a reboot.
hugepages_are_reserved() {
  echo 'vm.nr_hugepages = 192' >/etc/sysctl.d/hugepages.conf
  sysctl -q -p /etc/sysctl.d/hugepages.conf
  grep -x 96 /sys/devices/system/node/node[01]/hugepages/hugepages-2048kB/nr_hugepages
}

# In every boot before the agent: a trunk in the place of a physical NIC, with a switch at its other end.
trunk_is_laid() {
  cat >/usr/local/sbin/trunk <<'SH'
#!/bin/sh -e
ip netns add switch
ip link add trunk0 type veth peer name trunk1 netns switch
ip link set trunk0 up
ip -n switch link set trunk1 up
ip netns exec switch sysctl -qw net.ipv4.conf.all.arp_ignore=1
SH
  chmod +x /usr/local/sbin/trunk
  printf '[Unit]\nBefore=innkeeper.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/sbin/trunk\n%s' \
    '[Install]
WantedBy=multi-user.target' >/etc/systemd/system/trunk.service
  systemctl daemon-reload && systemctl enable --now trunk
}

configuration() {
  cat <<TOML
acceleration = "kvm"
image_paths = ["$share/innkeeper/.cache/guest"]

[capacity]
dedicated_cpus = "1"

[[pool]]
name = "default"
path = "/var/lib/innkeeper/pools/default"

[[pool]]
name = "thin"
kind = "lvm-thin"
volume_group = "ikt"
thin_pool = "thin"

[[pool]]
name = "nas"
kind = "nfs"
source = "127.0.0.1:/srv/export"
path = "/mnt/nas"
TOML
  printf '\n[[vserver_type]]\nname = "%s"\nvcpus = 1\nmemory_mib = 128\n%s\n' \
    plain '' near 'numa_node = 0' huge 'hugepages = "2M"' tuned 'hugepages = "2M"
numa_node = 1
cpu_pinning = true'
}

# The units as they are shipped, with a bundle in place of the package, and time for an emulated processor.
service_starts() {
  local node=$share/innkeeper/node_modules/.bin/node program=$share/lib/program/main.js
  install -d /etc/innkeeper /etc/systemd/system/innkeeper.service.d /var/lib/innkeeper/pools
  echo "/dev/vdb $share ext4 noatime,nofail 0 0" >>/etc/fstab
  configuration >/etc/innkeeper/innkeeper.toml
  printf '#!/bin/sh\nexec %s --no-warnings %s "$@"\n' "$node" "$program" >/usr/local/bin/innkeeper
  chmod +x /usr/local/bin/innkeeper
  cp systemd/innkeeper.service systemd/innkeeper.socket /etc/systemd/system/
  cat >/etc/systemd/system/innkeeper.service.d/testbed.conf <<UNIT
[Unit]
RequiresMountsFor=$share

[Service]
ExecStart=
ExecStart=$node --no-warnings --max-semi-space-size=2 $program agent --config /etc/innkeeper/innkeeper.toml
Environment=NODE_COMPILE_CACHE=/var/cache/node
WatchdogSec=0
TimeoutStartSec=600
UNIT
  systemctl daemon-reload && systemctl enable --now innkeeper || {
    journalctl -u innkeeper -o cat | tail -n 30
    return 1
  }
}

is 'an LVM thin pool and an NFS server are made' pools_are_made
is 'huge pages are reserved on both NUMA nodes' hugepages_are_reserved
is 'a trunk is laid' trunk_is_laid
is 'the agent starts as the service that is shipped' service_starts
