// A provider's network for tests: a bridge of the host, and a router on it that is a namespace of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { sh } from './wires.ts';

/** Tells everyone who comes, by TCP or UDP on port 8000, its name and from which address they came. */
const ECHO = `
import socket, select, sys
family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
tcp = socket.create_server((sys.argv[2], 8000), family=family)
udp = socket.socket(family, socket.SOCK_DGRAM)
udp.bind((sys.argv[2], 8000))
print("ready", flush=True)
while True:
    for ready in select.select([tcp, udp], [], [])[0]:
        if ready is udp:
            data, address = udp.recvfrom(4096)
            udp.sendto((sys.argv[1] + " " + address[0]).encode(), address)
        else:
            client, address = tcp.accept()
            try:
                client.recv(4096)
                client.sendall(("HTTP/1.0 200 OK\\r\\n\\r\\n" + sys.argv[1] + " " + address[0]).encode())
            except OSError:
                pass
            client.close()
`;

/** Always from the same port: to the network it is one conversation. */
const SAY = `
import socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
udp.bind((sys.argv[2], 5555))
udp.settimeout(2)
udp.sendto(b"hello", (sys.argv[1], 8000))
print(udp.recvfrom(4096)[0].decode())
`;

export const NOBODY = 'nobody answers';

const inside = (namespace: string | undefined, command: string[]): string[] =>
  namespace === undefined ? command : ['ip', 'netns', 'exec', namespace, ...command];

/** Starts the echo under `name`; in the host's own namespace if none is named. */
export async function echo(t: Test, namespace: string | undefined, name: string, address: string) {
  const [command = '', ...args] = inside(namespace, ['python3', '-c', ECHO, name, address]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(async () => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error(`the echo ${name} did not start`))),
  ]);
}

/** Who answers at an address, and under which address the asker is seen. */
export async function asked(namespace: string | undefined, address: string): Promise<string> {
  const host = address.includes(':') ? `[${address}]` : address;
  const [command = '', ...args] = inside(namespace, [
    'curl',
    '-sS',
    '--max-time',
    '4',
    `http://${host}:8000/`,
  ]);
  return sh(command, ...args).catch(() => NOBODY);
}

/** The same by UDP, always from port 5555 of `from`. */
export async function said(
  namespace: string | undefined,
  address: string,
  from = '0.0.0.0',
): Promise<string> {
  const [command = '', ...args] = inside(namespace, ['python3', '-c', SAY, address, from]);
  return sh(command, ...args).then(
    (text) => text.trim(),
    () => NOBODY,
  );
}

/** Asks until the answer is `expected`, for a host may be slow; gives the last answer. */
export async function answer(
  namespace: string | undefined,
  address: string,
  expected: string,
  ask: typeof asked | typeof said = asked,
): Promise<string> {
  const end = Date.now() + 60_000;
  for (;;) {
    const text = await ask(namespace, address);
    if (text === expected || Date.now() > end) return text;
  }
}

/** Follows what arrives at a device; `seen` resolves with the first line that has this in it. */
export async function watch(t: Test, namespace: string, device: string, filter: string) {
  const [command = '', ...args] = inside(namespace, ['tcpdump', '-lnnei', device, filter]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  const lines: string[] = [];
  const wake = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const one of wake) one();
  });
  let complaint = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (text) => {
      complaint += text;
      if (complaint.includes('listening on')) resolve();
    });
    child.once('exit', () => reject(new Error(`tcpdump ended: ${complaint}`)));
  });
  return {
    lines,
    async seen(part: string, ms = 60_000): Promise<string> {
      const end = Date.now() + ms;
      for (;;) {
        const found = lines.find((line) => line.includes(part));
        if (found !== undefined) return found;
        const left = end - Date.now();
        if (left <= 0) throw new Error(`${part} was not seen in:\n${lines.join('\n')}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(done, left);
          function done() {
            clearTimeout(timer);
            wake.delete(done);
            resolve();
          }
          wake.add(done);
        });
      }
    },
  };
}

export interface Provider {
  bridge: string;
  /** Its router, with `eth0` on the bridge. */
  router: string;
  /** The router's addresses on the bridge, and one behind it. */
  ipv4: string;
  ipv6: string;
  beyond: string;
  /** The host's own address on the bridge. */
  host: string;
}

/** Makes bridge and router; `number` (0 to 255) keeps tests beside each other apart. */
export async function provider(t: Test, prefix: string, number: number): Promise<Provider> {
  const made: Provider = {
    bridge: `${prefix}pbr`,
    router: `${prefix}g-router`,
    ipv4: `198.19.${number}.1`,
    ipv6: `2001:db8:${number.toString(16)}::1`,
    beyond: '203.0.113.9',
    host: `198.19.${number}.2`,
  };
  const { bridge, router } = made;
  t.teardown(async () => {
    await sh('ip', 'link', 'delete', bridge).catch(() => {});
    await sh('ip', 'link', 'delete', `${prefix}p0`).catch(() => {});
    await sh('ip', 'netns', 'delete', router).catch(() => {});
  });
  await sh('ip', 'netns', 'add', router);
  await sh('ip', 'link', 'add', bridge, 'type', 'bridge', 'stp_state', '0', 'mcast_snooping', '0');
  await sh('ip', 'address', 'add', `${made.host}/24`, 'dev', bridge);
  await sh('ip', 'link', 'set', bridge, 'up');
  await sh('ip', 'link', 'add', `${prefix}p0`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', router);
  await sh('ip', 'link', 'set', `${prefix}p0`, 'master', bridge, 'up');
  await sh('ip', '-n', router, 'link', 'set', 'lo', 'up');
  await sh('ip', '-n', router, 'link', 'set', 'eth0', 'up');
  await sh('ip', '-n', router, 'address', 'add', `${made.ipv4}/24`, 'dev', 'eth0');
  await sh('ip', '-n', router, 'address', 'add', `${made.ipv6}/64`, 'dev', 'eth0', 'nodad');
  await sh('ip', '-n', router, 'address', 'add', `${made.beyond}/32`, 'dev', 'lo');
  await sh('ip', 'netns', 'exec', router, 'sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=0');
  await echo(t, router, 'router', made.ipv4);
  await echo(t, router, 'router', made.ipv6);
  await echo(t, router, 'beyond', made.beyond);
  await echo(t, undefined, 'host', made.host);
  return made;
}
