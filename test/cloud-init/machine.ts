// What a Debian machine is given, and what it must say of itself when cloud-init has read that from a datasource.
import { createHash } from 'node:crypto';

/** Not a word that any default could be mistaken for. */
const GREETING = 'It\'s "quoted", $HOME and `ticks` stay, ünïcode too:\n\ttabs, and no last line feed';
export const KEYS = [
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJb2ZkzQwFSoE0ZyXbqH0rB3pSgVf4V8eWcXfZ0l6qk alice@example.org',
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH0oMRe5pAS5cWmmq8m0Wkq9cXb1vQmW1J1Yk8P0bZ2d bob',
];
export const GREETING_SHA256 = createHash('sha256').update(GREETING).digest('hex');

/** Said line by line on the serial console; the machine is ended from outside after `ready`. */
const REPORT = `exec >/dev/ttyS0 2>&1
say() { printf '\\nGUEST %s=%s\\n' "$1" "$2"; }
nic=$(ip -4 route show default | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p')
say datasource "$(sed -n 's/.*"datasource": "\\(.*\\)",*$/\\1/p' /run/cloud-init/status.json)"
say failed-stages "$(grep -c '"errors": \\[$' /run/cloud-init/status.json)"
say hostname "$(hostname)"
say keys "$(LC_ALL=C sort /home/debian/.ssh/authorized_keys | tr '\\n' '|')"
say file "$(sha256sum </srv/greeting | cut -c 1-64) $(stat -c '%a %U' /srv/greeting)"
say nic "$nic"
say mac "$(cat /sys/class/net/$nic/address)"
say mtu "$(cat /sys/class/net/$nic/mtu)"
say address "$(ip -o -4 address show dev $nic | sed -n 's/.* inet \\([^ ]*\\).*/\\1/p')"
say gateway "$(ip -4 route show default | sed -n 's/.* via \\([^ ]*\\).*/\\1/p')"
say leases "$(ls /run/systemd/netif/leases | wc -l)"
say dns "$(sed -n 's/^nameserver //p' /run/systemd/resolve/resolv.conf | tr '\\n' ' ')"
grep -h WARNING /var/log/cloud-init.log | sed 's/^/GUEST warning=/'
say ready "$(cut -d ' ' -f 1 /proc/uptime)"
`;

/** The user data: a file to write, and the report. */
export const USER_DATA = `#cloud-config
# What takes long where the machine is emulated: locales, and host keys of every kind.
locale: C.UTF-8
ssh_genkeytypes: [ed25519]
write_files:
  - path: /srv/greeting
    encoding: b64
    content: ${Buffer.from(GREETING).toString('base64')}
    permissions: '0640'
runcmd:
  - |
${REPORT.replaceAll(/^/gm, '    ')}
`;

export type ContextKind =
  | 'nocloud'
  | 'config-drive'
  | 'opennebula'
  | 'ovf'
  | 'ec2'
  | 'openstack'
  | 'cloudstack'
  | 'nocloud-http';

/** What cloud-init calls each, and whether it says the address itself or leaves it to DHCP. */
export const DATASOURCES: readonly { kind: ContextKind; datasource: RegExp; network: 'static' | 'dhcp' }[] = [
  { kind: 'nocloud', datasource: /^DataSourceNoCloud \[seed=\/dev\/sr/, network: 'static' },
  { kind: 'config-drive', datasource: /^DataSourceConfigDrive /, network: 'static' },
  { kind: 'opennebula', datasource: /^DataSourceOpenNebula /, network: 'static' },
  { kind: 'ovf', datasource: /^DataSourceOVF /, network: 'static' },
  { kind: 'openstack', datasource: /^DataSourceOpenStack/, network: 'static' },
  { kind: 'ec2', datasource: /^DataSourceEc2/, network: 'dhcp' },
  { kind: 'cloudstack', datasource: /^DataSourceCloudStack/, network: 'dhcp' },
  {
    kind: 'nocloud-http',
    datasource: /^DataSourceNoCloudNet .*http:\/\/169\.254\.169\.254\//,
    network: 'dhcp',
  },
];
