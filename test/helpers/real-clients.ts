// Other people's DHCP clients as daemons that set up eth0 of a namespace for both protocols and renew what they got.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { sh } from './wires.ts';

export interface RealClient {
  /** What it has said so far, for the message of a test that fails. */
  said(): string;
  stop(): Promise<void>;
}

/** Starts a client in `namespace`; `directory` is for its files. */
export type StartClient = (namespace: string, directory: string) => RealClient;

/** Sets what a lease holds. dhclient calls it with variables of its own names. */
const DHCLIENT_SCRIPT = `#!/bin/sh
case "$reason" in
BOUND|RENEW|REBIND|REBOOT) ip address replace "$new_ip_address/24" dev eth0 ;;
EXPIRE|FAIL|STOP) ip -4 address flush dev eth0 ;;
BOUND6|RENEW6|REBIND6) ip address replace "$new_ip6_address/128" dev eth0 ;;
esac
`;
const UDHCPC_SCRIPT = `#!/bin/sh
case "$1" in
deconfig) ip -4 address flush dev eth0 ;;
bound|renew) ip address replace "$ip/24" dev eth0 ;;
esac
`;

export const dhclient: StartClient = (namespace, directory) => {
  const script = program(directory, 'script', DHCLIENT_SCRIPT);
  writeFileSync(`${directory}/conf`, 'request subnet-mask, routers;\n');
  const at = (name: string) => `${directory}/${name}`;
  const client = (version: string) => {
    const kept = ['-lf', at(`leases${version}`), '-pf', at(`pid${version}`)];
    const files = ['-cf', at('conf'), ...kept, '-sf', script];
    return ['dhclient', `-${version}`, '-d', ...(version === '6' ? ['-D', 'LL'] : []), ...files, 'eth0'];
  };
  // It cannot bind to a link-local address whose duplicates are still looked for, and then gives up.
  const settled = 'ip -6 address show dev eth0 -tentative | grep -q fe80';
  const wait = ['sh', '-c', `until ${settled}; do sleep 0.1; done; exec "$@"`, 'sh'];
  return both(
    start(namespace, directory, client('4')),
    start(namespace, directory, [...wait, ...client('6')]),
  );
};

/** IPv4 only: busybox has no stateful client for IPv6 in Debian. */
export const udhcpc: StartClient = (namespace, directory) => {
  const script = program(directory, 'script', UDHCPC_SCRIPT);
  return start(namespace, directory, ['busybox', 'udhcpc', '-f', '-i', 'eth0', '-s', script, '-T', '1']);
};

/** Told to use EUI-64 addresses: its own choice would be dropped by the rules. */
export const dhcpcd: StartClient = (namespace, directory) => {
  const lines = [
    'slaac hwaddr',
    'duid ll',
    'noarp',
    'nohook resolv.conf, hostname, timesyncd',
    'option routers',
  ];
  writeFileSync(`${directory}/conf`, `${lines.join('\n')}\n`);
  const own = ['/var/lib/dhcpcd', '/run/dhcpcd'].map(
    (path) => `mkdir -p ${path}; mount -t tmpfs none ${path}`,
  );
  const run = `${own.join('; ')}; chown dhcpcd /var/lib/dhcpcd; exec dhcpcd -B -d -f ${directory}/conf eth0`;
  return start(namespace, directory, ['unshare', '--mount', 'sh', '-c', run]);
};

/** With /sys read-only, as in a container, it does not wait for udev; with files of its own below /run/systemd. */
export const networkd: StartClient = (namespace, directory) => {
  const unit = [
    '[Match]',
    'Name=eth0',
    '[Network]',
    'DHCP=yes',
    'IPv6AcceptRA=yes',
    '[DHCPv4]',
    'UseMTU=yes',
    '',
  ];
  writeFileSync(`${directory}/eth0.network`, unit.join('\n'));
  const run = [
    'set -e',
    'mount -t tmpfs none /run/systemd',
    'mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp',
    'mount -o remount,bind,ro /sys',
    `cp ${directory}/eth0.network /run/systemd/network/10-eth0.network`,
    'chown -R systemd-network:systemd-network /run/systemd/netif',
    // It would ask the system bus of the machine the test runs on.
    'if [ -d /run/dbus ]; then mount -t tmpfs none /run/dbus; fi',
    'export SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console',
    'exec /lib/systemd/systemd-networkd',
  ];
  return start(namespace, directory, ['unshare', '--mount', 'sh', '-c', run.join('\n')]);
};

function program(directory: string, name: string, text: string): string {
  const path = `${directory}/${name}`;
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

function both(...clients: RealClient[]): RealClient {
  return {
    said: () => clients.map((client) => client.said()).join('\n'),
    stop: async () => {
      for (const client of clients) await client.stop();
    },
  };
}

function start(namespace: string, directory: string, command: string[]): RealClient {
  const child: ChildProcess = spawn('ip', ['netns', 'exec', namespace, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: directory,
  });
  let text = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-20_000);
    });
  }
  const stop = async () => {
    // Children of its own as well: whatever runs in this namespace is this client's.
    const pids = await sh('ip', 'netns', 'pids', namespace).catch(() => '');
    for (const pid of pids.split('\n').filter(Boolean)) kill(Number(pid));
    child.stdout?.destroy();
    child.stderr?.destroy();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  };
  return { said: () => text, stop };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone by itself meanwhile.
  }
}
