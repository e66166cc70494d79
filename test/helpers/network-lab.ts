// A small laboratory: guests that are network namespaces, their host ends named like taps, and raw frames between them.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { VNetPlan } from '../../agent/network/mod.ts';
import { vnetNames } from '../../agent/network/mod.ts';
import { run } from '../../agent/network/run.ts';

const FRAMES = fileURLToPath(new URL('network-frames.py', import.meta.url));
const DEVICE = 'eth0';

/** Four letters from the process id, so that tests beside each other never meet. */
export function uniquePrefix(): string {
  let number = process.pid;
  let letters = '';
  for (let at = 0; at < 3; at += 1) {
    letters += String.fromCharCode(97 + (number % 26));
    number = Math.floor(number / 26);
  }
  return `q${letters}`;
}

/** A plan with names made as the agent makes them. */
export function vnetPlan(prefix: string, id: string, more: Partial<VNetPlan> = {}): VNetPlan {
  const { bridge, namespace, hostVeth } = vnetNames(prefix, id);
  return {
    id,
    bridge,
    namespace,
    hostVeth,
    mtu: 1500,
    ipv4: { gateway: '10.0.0.1', prefixLength: 24 },
    ipv6: { gateway: 'fd00:1::1', prefixLength: 64 },
    transport: { type: 'local' },
    ...more,
  };
}

export interface Station {
  /** Its namespace; its only interface is eth0. */
  namespace: string;
  /** Host end, a port of the bridge. */
  port: string;
  mac: string;
  ipv4?: string;
  ipv6?: string;
}

/** Makes a station on a bridge. Its addresses are set without waiting for duplicate detection. */
export async function addStation(bridge: string, station: Station): Promise<void> {
  const { namespace, port, mac } = station;
  await run(
    'ip',
    ['-batch', '-'],
    [
      `netns add ${namespace}`,
      `link add name ${port} type veth peer name ${DEVICE} address ${mac} netns ${namespace}`,
      `link set dev ${port} master ${bridge} addrgenmode none`,
      `link set dev ${port} up`,
      '',
    ].join('\n'),
  );
  const lines = ['link set dev lo up', `link set dev ${DEVICE} up`];
  if (station.ipv4)
    lines.push(`address add ${station.ipv4}/24 dev ${DEVICE}`, `route add default via 10.0.0.1`);
  if (station.ipv6) lines.push(`address add ${station.ipv6}/64 dev ${DEVICE} nodad`);
  await run('ip', ['-n', namespace, '-batch', '-'], `${lines.join('\n')}\n`);
}

/** Removes stations; the host ends go with their namespaces. */
export async function removeStations(stations: readonly Station[]): Promise<void> {
  for (const { namespace, port } of stations) {
    await run('ip', ['link', 'del', 'dev', port]).catch(() => {});
    await run('ip', ['netns', 'del', namespace]).catch(() => {});
  }
}

const inside = (namespace: string | undefined, command: string[]): [string, string[]] =>
  namespace === undefined
    ? [command[0]!, command.slice(1)]
    : ['ip', ['netns', 'exec', namespace, ...command]];

/** Runs a command in a namespace; true if it succeeds. */
export async function succeeds(namespace: string, ...command: string[]): Promise<boolean> {
  return run(...inside(namespace, command)).then(
    () => true,
    () => false,
  );
}

/** Sends frames from a station, in order. */
export async function send(namespace: string | undefined, frames: Buffer[], device = DEVICE): Promise<void> {
  const text = `${frames.map((frame) => frame.toString('hex')).join('\n')}\n`;
  await run(...inside(namespace, ['/usr/bin/python3', FRAMES, 'send', device]), text);
}

/** Starts a capture of what arrives on a device; `frames` resolves a little after one contained `end`. */
export async function capture(
  namespace: string | undefined,
  device: string,
  end: Buffer,
): Promise<{ frames: Promise<Buffer[]> }> {
  const [command, args] = inside(namespace, [
    '/usr/bin/python3',
    FRAMES,
    'capture',
    device,
    end.toString('hex'),
  ]);
  const child: ChildProcessWithoutNullStreams = spawn(command, args);
  let complaint = '';
  child.stderr.on('data', (text) => {
    complaint += text;
  });
  const lines = createInterface({ input: child.stdout });
  const seen: Buffer[] = [];
  const closed = once(child, 'close');
  const ready = new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => (line === 'ready' ? resolve() : seen.push(Buffer.from(line, 'hex'))));
    closed.then(() => reject(new Error(`capture on ${device} ended: ${complaint}`)), reject);
  });
  const frames = closed.then(() => seen);
  await ready;
  return { frames };
}

const SERVER = `
import socket, sys
ports = [socket.create_server(("169.254.169.254", int(port))) for port in sys.argv[1:]]
print("ready", flush=True)
import select
while True:
    for ready in select.select(ports, [], [])[0]:
        client = ready.accept()[0]
        client.recv(4096)
        client.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nhere")
        client.close()
`;

/** Something that answers every request at the metadata address, in a namespace. */
export async function serveHttp(namespace: string, ports: number[]): Promise<{ stop(): Promise<void> }> {
  const [command, args] = inside(namespace, ['/usr/bin/python3', '-c', SERVER, ...ports.map(String)]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    stop: async () => {
      const closed = once(child, 'close');
      child.kill();
      await closed;
    },
  };
}

/** Everything on the host that a network of `prefix` could leave behind. */
export async function traces(prefix: string): Promise<string[]> {
  const [links, tables, namespaces] = await Promise.all([
    run('ip', ['-j', 'link', 'show']),
    run('nft', ['list', 'tables']),
    readdir('/run/netns').catch(() => []),
  ]);
  const names = (JSON.parse(links) as { ifname: string }[]).map((link) => link.ifname);
  return [...names, ...namespaces, ...tables.split('\n')].filter((line) =>
    line.split(' ').some((word) => word.startsWith(prefix)),
  );
}
