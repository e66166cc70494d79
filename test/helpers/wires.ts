// VNets made of namespaces and veths for tests: a switch, a server side with the gateway's addresses, clients.
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
let counter = 0;

/** Runs a command; its output, or an error that has its stderr. */
export async function sh(command: string, ...args: string[]): Promise<string> {
  return (await run(command, args, { timeout: 60_000 })).stdout;
}

/** `ip -batch`, one command a line, in a namespace if one is named. */
function ipBatch(lines: string[], namespace?: string): Promise<void> {
  const args = [...(namespace ? ['-n', namespace] : []), '-batch', '-'];
  return new Promise((resolve, reject) => {
    const child = spawn('ip', args, { stdio: ['pipe', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`ip -batch: ${stderr}`))));
    child.stdin.end(`${lines.join('\n')}\n`);
  });
}

export interface Wire {
  /** Namespace with `vnet0`, which has the gateway's addresses. */
  server: string;
  /** One namespace per MAC given, each with `eth0`. */
  clients: string[];
  /** Runs a command in the namespace of a client. */
  inClient(index: number, ...command: string[]): Promise<string>;
  remove(): Promise<void>;
}

/** @param prefix names of everything made begin with it (at most 3 letters) */
export async function makeWire(prefix: string, macs: string[], ipv6?: { gateway: string }): Promise<Wire> {
  const name = `${prefix}${process.pid}-${counter++}`;
  const [hub, server] = [`${name}-hub`, `${name}-srv`];
  const clients = macs.map((_mac, i) => `${name}-c${i}`);
  // In a host the other end of vnet0 is in the agent's namespace, with the same index; here this bridge stands for it.
  const twin = `${prefix}${process.pid}n${counter}`;
  const remove = async () => {
    await sh('ip', 'link', 'delete', twin).catch(() => {});
    for (const namespace of [...clients, server, hub])
      await sh('ip', 'netns', 'delete', namespace).catch(() => {});
  };
  try {
    await ipBatch([hub, server, ...clients].map((namespace) => `netns add ${namespace}`));
    for (const each of [server, ...clients]) {
      await sh('ip', 'netns', 'exec', each, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0');
    }
    await sh('ip', 'link', 'add', twin, 'type', 'bridge');
    const index = await indexOf(twin);
    await ipBatch(
      [
        'link add br0 type bridge stp_state 0 forward_delay 0',
        'link set br0 up',
        ...port('p-srv', server, `vnet0 index ${index}`, '02:00:00:00:00:01'),
        ...macs.flatMap((mac, i) => port(`p-${i}`, clients[i] as string, 'eth0', mac)),
      ],
      hub,
    );
    for (const client of clients) await ipBatch(['link set lo up', 'link set eth0 up'], client);
    await ipBatch(
      [
        'link set lo up',
        'link set vnet0 up',
        'address add 10.0.0.1/24 dev vnet0',
        'address add 169.254.169.254/32 dev vnet0',
        ...(ipv6 ? [`address add ${ipv6.gateway}/64 dev vnet0 nodad`] : []),
        ...(ipv6 ? ['address add fd00:ec2::254/128 dev vnet0 nodad'] : []),
        'route add 255.255.255.255 dev vnet0 src 10.0.0.1',
      ],
      server,
    );
  } catch (error) {
    await remove();
    throw error;
  }
  const inClient = (i: number, ...command: string[]) =>
    sh('ip', 'netns', 'exec', clients[i] as string, ...command);
  return { server, clients, inClient, remove };
}

async function indexOf(device: string): Promise<number> {
  return JSON.parse(await sh('ip', '-j', 'link', 'show', device))[0].ifindex;
}

function port(at: string, namespace: string, device: string, mac: string): string[] {
  return [
    `link add ${at} type veth peer name ${device} address ${mac} netns ${namespace}`,
    `link set ${at} master br0 up`,
  ];
}
