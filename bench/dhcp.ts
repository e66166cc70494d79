// Benchmark: DHCPv4 exchanges per second, ours, kea-dhcp4 and dnsmasq, over the same veth with the same reservations.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Session } from './lib/benchmark.ts';
import { applyLoad, type Load, topRate } from './lib/perfdhcp.ts';

const run = promisify(execFile);
const RESERVATIONS = 2_000;
const SERVER = '10.99.0.1';
const CLIENTS = '10.99.255.254';
const OURS = fileURLToPath(new URL('./dhcp/ours.ts', import.meta.url));
const BARE = fileURLToPath(new URL('./dhcp/bare.cjs', import.meta.url));
/** Delays are compared at half of what Kea did at most, so that no server is near its limit. */
const DELAY_SECONDS = 3;
const WARM_RATE = 1_000;
const WARM_SECONDS = 3;

export const name = 'dhcp';
export const rounds = 3;
const macOf = (i: number) =>
  `02:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`;
const addressOf = (i: number) => `10.99.${1 + (i >> 8)}.${i & 255}`;
const reserved = Array.from({ length: RESERVATIONS }, (_, i) => ({ mac: macOf(i), address: addressOf(i) }));

interface Place {
  folder: string;
  server: string;
  clients: string;
  macs: string;
  /** The same with their addresses, as JSON. */
  reservations: string;
  remove(): Promise<void>;
}

/** Two namespaces with a veth between them. The server's end also has the metadata address, which ours needs. */
async function makePlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'innkeeper-bench-dhcp-'));
  const [server, clients] = [`ikbs-${process.pid}`, `ikbc-${process.pid}`];
  const ip = (...args: string[]) => run('ip', args);
  const remove = async () => {
    for (const namespace of [server, clients]) await ip('netns', 'delete', namespace).catch(() => {});
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (const namespace of [server, clients]) await ip('netns', 'add', namespace);
    await ip(
      'link',
      'add',
      'vnet0',
      'netns',
      server,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      clients,
    );
    await ip('-n', server, 'address', 'add', `${SERVER}/16`, 'dev', 'vnet0');
    await ip('-n', server, 'address', 'add', '169.254.169.254/32', 'dev', 'vnet0');
    await ip('-n', clients, 'address', 'add', `${CLIENTS}/16`, 'dev', 'eth0');
    await ip('-n', server, 'link', 'set', 'vnet0', 'up');
    await ip('-n', server, 'link', 'set', 'lo', 'up');
    await ip('-n', clients, 'link', 'set', 'eth0', 'up');
  } catch (error) {
    await remove();
    throw error;
  }
  const macs = join(folder, 'macs');
  await writeFile(macs, reserved.map(({ mac }) => `${mac}\n`).join(''));
  const reservations = join(folder, 'reservations.json');
  await writeFile(reservations, JSON.stringify(reserved));
  return { folder, server, clients, macs, reservations, remove };
}

/** Ours, in a process of its own as the others are, which enters the namespace as the agent does. */
function startOurs(place: Place): Promise<Server> {
  return startServer(place, [process.execPath, '--no-warnings', OURS, place.server, place.reservations]);
}

/** Node's sockets and nothing else: answers of the same size, for whoever asks. What no responder in Node can exceed. */
function startBare(place: Place): Promise<Server> {
  return startServer(place, ['ip', 'netns', 'exec', place.server, process.execPath, '--no-warnings', BARE]);
}

interface Server {
  /** Processor time it has used so far, in milliseconds. */
  used(): Promise<number>;
  stop(): Promise<void>;
}

/** Runs a server until it is stopped; it is ready when it answers one exchange. */
async function startServer(
  place: Place,
  [program = '', ...args]: string[],
  env: Record<string, string> = {},
): Promise<Server> {
  const child: ChildProcess = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  let complaint = '';
  child.stderr?.on('data', (text) => {
    complaint = `${complaint}${text}`.slice(-2000);
  });
  const stop = async () => {
    const gone = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGTERM');
    await gone;
  };
  for (let tries = 0; ; tries++) {
    const answers = await applyLoad(loadOf(place), 20, 1).then(
      ({ loss }) => loss < 1,
      () => false,
    );
    if (answers) return { used: () => processorTime(child.pid), stop };
    if (child.exitCode !== null || tries > 20) {
      await stop();
      throw new Error(`${program} does not answer: ${complaint}`);
    }
  }
}

/** Of all threads of a process, from the scheduler, in milliseconds. */
async function processorTime(pid: number | undefined): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const read = (thread: string) => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
  const lines = await Promise.all(threads.map(read));
  return lines.reduce((sum, line) => sum + Number(line.split(' ')[0]), 0) / 1e6;
}

/** Leases in memory only, nothing logged but errors. */
async function startKea(place: Place): Promise<Server> {
  const file = join(place.folder, 'kea.json');
  const reservations = reserved.map(({ mac, address }) => ({ 'hw-address': mac, 'ip-address': address }));
  const config = {
    'interfaces-config': { interfaces: ['vnet0'], 'dhcp-socket-type': 'udp' },
    'lease-database': { type: 'memfile', persist: false },
    'multi-threading': { 'enable-multi-threading': true },
    'valid-lifetime': 3600,
    subnet4: [
      {
        id: 1,
        subnet: '10.99.0.0/16',
        'reservations-in-subnet': true,
        reservations,
        'option-data': [{ name: 'routers', data: SERVER }],
      },
    ],
    loggers: [{ name: 'kea-dhcp4', severity: 'ERROR', output_options: [{ output: 'stderr' }] }],
  };
  await writeFile(file, JSON.stringify({ Dhcp4: config }));
  return startServer(place, ['ip', 'netns', 'exec', place.server, 'kea-dhcp4', '-c', file], {
    KEA_PIDFILE_DIR: place.folder,
    KEA_LOCKFILE_DIR: 'none',
  });
}

async function startDnsmasq(place: Place): Promise<Server> {
  const hosts = join(place.folder, 'dnsmasq.hosts');
  await writeFile(hosts, reserved.map(({ mac, address }) => `${mac},${address}\n`).join(''));
  return startServer(place, [
    ...['ip', 'netns', 'exec', place.server],
    ...[
      'dnsmasq',
      '--no-daemon',
      '--conf-file=/dev/null',
      '--port=0',
      '--interface=vnet0',
      '--bind-interfaces',
    ],
    ...[
      '--dhcp-range=10.99.0.0,static,255.255.0.0,1h',
      `--dhcp-hostsfile=${hosts}`,
      '--leasefile-ro',
      '--quiet-dhcp',
    ],
    ...['--dhcp-lease-max=10000', '--dhcp-authoritative', '--no-ping', '--log-facility=-', '--user=root'],
  ]);
}

const SERVERS = { ours: startOurs, bare: startBare, kea: startKea, dnsmasq: startDnsmasq };

const loadOf = (place: Place): Load => ({
  ...{ namespace: place.clients, server: SERVER, macs: place.macs, clients: RESERVATIONS },
});

/**
 * Milliseconds per exchange at a server's top rate, mean delay at half of Kea's top rate, and there the server's own
 * processor time per exchange.
 */
async function tried(name: string, server: Server, load: Load, keaTop: () => number) {
  // Not the first seconds of a process.
  await applyLoad(load, WARM_RATE, WARM_SECONDS);
  const top = await topRate(load);
  const before = await server.used();
  const { delayMs, rate } = await applyLoad(load, (name === 'kea' ? top : keaTop()) / 2, DELAY_SECONDS);
  const each = ((await server.used()) - before) / (rate * DELAY_SECONDS);
  const measured = { exchange: 1000 / top, delay: delayMs, processor: each };
  return { top, measured: new Map(Object.entries(measured).map(([part, ms]) => [`${name}_${part}`, ms])) };
}

/** A case finds out everything about one server. */
export async function prepare(): Promise<Session> {
  const place = await makePlace();
  let keaTop = 2 * WARM_RATE;
  const cases: Session['cases'] = {};
  for (const [server, start] of Object.entries(SERVERS)) {
    cases[server] = async () => {
      const running = await start(place);
      try {
        const { top, measured } = await tried(server, running, loadOf(place), () => keaTop);
        if (server === 'kea') keaTop = top;
        return measured;
      } finally {
        await running.stop();
      }
    };
  }
  return { cases, close: place.remove };
}

/** Rates: ours divided by theirs, above 1 we are faster. Delays and processor time the other way round, as for times: below 1. */
export function ratios(medians: Record<string, number>): Record<string, number> {
  const ratio = (a: string, b: string) => (medians[a] ?? Number.NaN) / (medians[b] ?? Number.NaN);
  return {
    rate_vs_kea: ratio('kea_exchange', 'ours_exchange'),
    rate_vs_dnsmasq: ratio('dnsmasq_exchange', 'ours_exchange'),
    delay_vs_kea: ratio('ours_delay', 'kea_delay'),
    delay_vs_dnsmasq: ratio('ours_delay', 'dnsmasq_delay'),
    processor_vs_kea: ratio('ours_processor', 'kea_processor'),
    processor_vs_dnsmasq: ratio('ours_processor', 'dnsmasq_processor'),
    rate_vs_bare_node: ratio('bare_exchange', 'ours_exchange'),
  };
}
