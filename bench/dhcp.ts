// Benchmark: DHCPv4 exchanges per second, ours, kea-dhcp4 and dnsmasq, over the same veth with the same reservations.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { GuestFacts } from '../contextualization/guest-facts.ts';
import { type Guest, MetadataServer } from '../metadata-server/mod.ts';
import type { Session } from './lib/benchmark.ts';
import { applyLoad, type Load, topRate } from './lib/perfdhcp.ts';

const run = promisify(execFile);
const RESERVATIONS = 2_000;
const SERVER = '10.99.0.1';
const CLIENTS = '10.99.255.254';
/** Delays are compared at half of what Kea did at most, so that no server is near its limit. */
const DELAY_SECONDS = 3;

export const name = 'dhcp';
export const rounds = 3;
/** perfdhcp measures. */
export const measured = true;

const macOf = (i: number) =>
  `02:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`;
const addressOf = (i: number) => `10.99.${1 + (i >> 8)}.${i & 255}`;
const reserved = Array.from({ length: RESERVATIONS }, (_, i) => ({ mac: macOf(i), address: addressOf(i) }));

interface Place {
  folder: string;
  server: string;
  clients: string;
  macs: string;
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
  return { folder, server, clients, macs, remove };
}

/** Ours, in this process, as it runs in the agent; the limits that protect it from one guest are lifted. */
async function startOurs({ server }: Place): Promise<() => Promise<void>> {
  const facts = (mac: string, address: string): Guest => {
    const nic = {
      ...{ vnicId: 'vnic-00000001', vnetId: 'bench', vnetName: 'bench', position: 0, mac, mtu: 1500 },
      ipv4: { address, prefixLength: 16, gateway: SERVER },
      ...{ dnsServers: [SERVER], searchDomains: [], ntpServers: [] },
    };
    return { nic, facts: { hostname: 'guest', nics: [nic] } as unknown as GuestFacts };
  };
  const guests = new Map(reserved.map(({ mac, address }) => [mac, facts(mac, address)]));
  const metadata = new MetadataServer({
    directory: {
      byMac: (_vnet, mac) => guests.get(mac),
      byAddress: () => undefined,
      storeInitialPassword: async () => 'already',
      encryptedPassword: () => undefined,
    },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    limits: { dhcpBurst: 1e9, dhcpPerSecond: 1e9 },
  });
  await metadata.add({
    ...{ vnetId: 'bench', namespace: server, device: 'vnet0', mtu: 1500, leaseSeconds: 3600 },
    ipv4: { address: SERVER, prefixLength: 16 },
    relays: [CLIENTS],
  });
  return () => metadata.close();
}

/** Runs a peer in the server's namespace until it is stopped; it is ready when it answers one exchange. */
async function startPeer(
  place: Place,
  command: string[],
  env: Record<string, string> = {},
): Promise<() => Promise<void>> {
  const child: ChildProcess = spawn('ip', ['netns', 'exec', place.server, ...command], {
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
  const load = { namespace: place.clients, server: SERVER, macs: place.macs, clients: RESERVATIONS };
  for (let tries = 0; ; tries++) {
    const answers = await applyLoad(load, 20, 1).then(
      ({ loss }) => loss < 1,
      () => false,
    );
    if (answers) return stop;
    if (child.exitCode !== null || tries > 20) {
      await stop();
      throw new Error(`${command[0]} does not answer: ${complaint}`);
    }
  }
}
/** Leases in memory only, nothing logged but errors. */
async function startKea(place: Place): Promise<() => Promise<void>> {
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
  return startPeer(place, ['kea-dhcp4', '-c', file], {
    KEA_PIDFILE_DIR: place.folder,
    KEA_LOCKFILE_DIR: 'none',
  });
}

async function startDnsmasq(place: Place): Promise<() => Promise<void>> {
  const hosts = join(place.folder, 'dnsmasq.hosts');
  await writeFile(hosts, reserved.map(({ mac, address }) => `${mac},${address}\n`).join(''));
  return startPeer(place, [
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

const SERVERS = { ours: startOurs, kea: startKea, dnsmasq: startDnsmasq };

/** A case finds the top rate of one server; what it gives is milliseconds per exchange at that rate. */
export async function prepare(): Promise<Session> {
  const place = await makePlace();
  const load: Load = { namespace: place.clients, server: SERVER, macs: place.macs, clients: RESERVATIONS };
  let keaTop = 1_000;
  const cases: Session['cases'] = {};
  for (const [server, start] of Object.entries(SERVERS)) {
    cases[`${server}_exchange`] = async () => {
      const stop = await start(place);
      try {
        const rate = await topRate(load);
        if (server === 'kea') keaTop = rate;
        return 1000 / rate;
      } finally {
        await stop();
      }
    };
    cases[`${server}_delay`] = async () => {
      const stop = await start(place);
      try {
        // Not the first seconds of a process.
        await applyLoad(load, keaTop / 2);
        const { delayMs } = await applyLoad(load, keaTop / 2, DELAY_SECONDS);
        return delayMs;
      } finally {
        await stop();
      }
    };
  }
  return { cases, close: place.remove };
}

/** Rates: ours divided by theirs, above 1 we are faster. Delays the other way round, as for times: below 1. */
export function ratios(medians: Record<string, number>): Record<string, number> {
  const ratio = (a: string, b: string) => (medians[a] ?? Number.NaN) / (medians[b] ?? Number.NaN);
  return {
    rate_vs_kea: ratio('kea_exchange', 'ours_exchange'),
    rate_vs_dnsmasq: ratio('dnsmasq_exchange', 'ours_exchange'),
    delay_vs_kea: ratio('ours_delay', 'kea_delay'),
    delay_vs_dnsmasq: ratio('ours_delay', 'dnsmasq_delay'),
  };
}
