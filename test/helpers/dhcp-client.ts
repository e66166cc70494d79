// Other people's DHCP clients, run in a test's namespace; each tells what it learned as one line of text.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { sh } from './wires.ts';

export interface DhcpClientRun {
  child: ChildProcess;
  /** The next line the client's script printed, as words by name: {event, ip, router, …}. Rejects when the client ends. */
  next(): Promise<Record<string, string>>;
  stop(): Promise<void>;
}

/** Prints what udhcpc was told, sets the address, then runs `after`. */
const UDHCPC_SCRIPT = (after: string) => `#!/bin/sh
case "$1" in
deconfig) ip -4 address flush dev "$interface" ;;
bound) ip address replace "$ip/$mask" dev "$interface"; [ -n "$router" ] && ip route replace default via "$router" ;;
esac
${after}
echo "LEASE event=$1 ip=$ip router=$router mtu=$mtu dns=$dns hostname=$hostname domain=$domain lease=$lease serverid=$serverid"
`;
/** dhclient and dhcpcd name things the same way. */
const DHCLIENT_SCRIPT = `#!/bin/sh
echo "LEASE event=$reason ip=$new_ip_address router=$new_routers mtu=$new_interface_mtu dns=$new_domain_name_servers hostname=$new_host_name ip6=$new_ip6_address dns6=$new_dhcp6_name_servers search6=$new_dhcp6_domain_search routes=$(echo $new_rfc3442_classless_static_routes$new_classless_static_routes | tr ' ' ,)"
`;

/** busybox udhcpc on eth0; it stays and renews. SIGUSR1 makes it renew at once, SIGUSR2 release. */
export function udhcpc(namespace: string, directory: string, { after = '', ask = '' } = {}): DhcpClientRun {
  const script = writeScript(`${directory}/udhcpc.sh`, UDHCPC_SCRIPT(after));
  const args = [
    '-i',
    'eth0',
    '-f',
    '-s',
    script,
    '-t',
    '50',
    '-T',
    '1',
    '-O',
    'mtu',
    ...(ask ? ['-r', ask] : []),
  ];
  return run(namespace, ['busybox', 'udhcpc', ...args]);
}

/** ISC dhclient on eth0, beginning with an old lease (INIT-REBOOT) if an address is given. */
export function dhclient(namespace: string, directory: string, oldAddress?: string): DhcpClientRun {
  const script = writeScript(`${directory}/dhclient.sh`, DHCLIENT_SCRIPT);
  const never = '6 2037/12/31 23:59:59';
  const lease = oldAddress
    ? `lease {\n interface "eth0";\n fixed-address ${oldAddress};\n option subnet-mask 255.255.255.0;\n` +
      ` option dhcp-server-identifier ${oldAddress};\n renew ${never};\n rebind ${never};\n expire ${never};\n}\n`
    : '';
  writeFileSync(`${directory}/leases`, lease);
  const request =
    'request subnet-mask, routers, domain-name-servers, host-name, interface-mtu, rfc3442-routes;';
  const routes = 'option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;';
  writeFileSync(
    `${directory}/dhclient.conf`,
    `${routes}\n${request.replace('rfc3442-', 'rfc3442-classless-static-')}\n`,
  );
  const files = [
    '-cf',
    `${directory}/dhclient.conf`,
    '-lf',
    `${directory}/leases`,
    '-pf',
    `${directory}/pid`,
  ];
  return run(namespace, ['dhclient', '-4', '-d', '-sf', script, ...files, 'eth0']);
}

/** ISC dhclient for DHCPv6 on eth0. */
export function dhclient6(namespace: string, directory: string): DhcpClientRun {
  const script = writeScript(`${directory}/dhclient6.sh`, DHCLIENT_SCRIPT);
  writeFileSync(`${directory}/dhclient6.conf`, 'request dhcp6.name-servers, dhcp6.domain-search;\n');
  const files = [
    '-cf',
    `${directory}/dhclient6.conf`,
    '-lf',
    `${directory}/leases6`,
    '-pf',
    `${directory}/pid6`,
  ];
  return run(namespace, ['dhclient', '-6', '-d', '-D', 'LL', '-sf', script, ...files, 'eth0']);
}

/** dhcpcd on eth0, which only tells what it was offered (--test) and ends. */
export function dhcpcd(namespace: string, directory: string): DhcpClientRun {
  const script = writeScript(`${directory}/dhcpcd.sh`, DHCLIENT_SCRIPT);
  const config = `${directory}/dhcpcd.conf`;
  writeFileSync(
    config,
    'option classless_static_routes, routers, domain_name_servers, host_name, interface_mtu\nnoarp\n',
  );
  return run(namespace, ['dhcpcd', '-4', '-B', '-T', '-f', config, '-c', script, 'eth0']);
}

function writeScript(path: string, text: string): string {
  writeFileSync(path, text, { mode: 0o755 });
  return path;
}

function run(namespace: string, command: string[]): DhcpClientRun {
  const child = spawn('ip', ['netns', 'exec', namespace, ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr = (stderr + data).slice(-4_000);
  });
  const lines: Interface = createInterface({ input: child.stdout });
  const iterator = lines[Symbol.asyncIterator]();
  const next = async (): Promise<Record<string, string>> => {
    for (;;) {
      const line = await iterator.next();
      if (line.done) throw new Error(`${command[0]} ended: ${stderr}`);
      if (line.value.startsWith('LEASE ')) return words(line.value);
    }
  };
  // dhcpcd has children of its own; whatever is in the namespace of this test is this client's.
  const stop = async () => {
    for (const pid of (await sh('ip', 'netns', 'pids', namespace)).split('\n')) if (pid) kill(Number(pid));
    child.stdout.destroy();
    child.stderr.destroy();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  };
  return { child, next, stop };
}

function words(line: string): Record<string, string> {
  return Object.fromEntries([...line.matchAll(/(\w+)=(\S*)/g)].map(([, name, value]) => [name, value]));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone by itself meanwhile.
  }
}
