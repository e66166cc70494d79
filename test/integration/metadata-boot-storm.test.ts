// A power cut is over and every guest boots at once: DHCP, then all that cloud-init reads, with no failure.
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { MetadataServer } from '../../metadata-server/mod.ts';
import { percentile, stormAddress, stormMac } from '../helpers/boot-storm.ts';
import { directoryOf, factsOf, nicOf, silentLog } from '../helpers/guest-facts.ts';
import { makeWire, sh } from '../helpers/wires.ts';

const GUESTS = 500;
const clients = new URL('../helpers/boot-storm-clients.ts', import.meta.url).pathname;
const GATEWAY = '10.0.0.1';

/** What cloud-init 22.4 to 24 asks of each datasource over the network. */
const EC2_ITEMS = [
  '',
  'ami-id',
  'hostname',
  'instance-id',
  'instance-type',
  'local-ipv4',
  'mac',
  'public-keys/',
];
const CLOUDSTACK_ITEMS = [
  '',
  'availability-zone',
  'instance-id',
  'local-hostname',
  'public-keys',
  'service-offering',
];
const PATHS = [
  ...EC2_ITEMS.map((item) => `/2021-03-23/meta-data/${item}`),
  '/2021-03-23/meta-data/public-keys/0/openssh-key',
  '/2021-03-23/user-data',
  '/2021-03-23/dynamic/instance-identity/document',
  ...[
    '',
    '/latest/meta_data.json',
    '/latest/network_data.json',
    '/latest/vendor_data.json',
    '/latest/user_data',
  ].map((path) => `/openstack${path}`),
  ...['meta-data', 'user-data', 'vendor-data', 'network-config'].map((file) => `/nocloud/${file}`),
  '/user-data',
  '/system-data/vserver-id',
].map((path): { path: string; host?: string } => ({ path }));
PATHS.push(...CLOUDSTACK_ITEMS.map((item) => ({ path: `/latest/meta-data/${item}`, host: GATEWAY })));
PATHS.push({ path: '/latest/user-data', host: GATEWAY });

interface Storm {
  dhcpMs: number[];
  httpMs: number[];
  retries: number;
  failures: string[];
  seconds: number;
}

t.test(`${GUESTS} guests boot at once, and each gets its address and all of its configuration`, async (t) => {
  const wire = await makeWire('iks', [stormMac(0)]);
  t.teardown(wire.remove);
  const server = new MetadataServer({ directory: storming(), log: silentLog });
  t.teardown(() => server.close());
  const [inside, outside] = [wire.server, wire.clients[0] as string];
  await sh('ip', '-n', inside, 'address', 'replace', `${GATEWAY}/16`, 'dev', 'vnet0');
  await addAddresses(outside);
  const ipv4 = { address: GATEWAY, prefixLength: 16 };
  await server.add({
    vnetId: 'vnet-a',
    namespace: inside,
    device: 'vnet0',
    ipv4,
    mtu: 1500,
    leaseSeconds: 3600,
  });

  const args = ['netns', 'exec', outside, process.execPath, clients, String(GUESTS), JSON.stringify(PATHS)];
  const { stdout } = await promisify(execFile)('ip', args, { maxBuffer: 64 << 20 });
  const storm = JSON.parse(stdout) as Storm;
  t.same(storm.failures, []);
  t.equal(storm.dhcpMs.length, GUESTS);
  t.equal(storm.httpMs.length, GUESTS * (PATHS.length + 1));
  t.match(server.counters('vnet-a')?.http, { failed: 0, rateLimited: 0, tooManyConnections: 0, refused: 0 });
  const show = (values: number[]) =>
    `p50 ${percentile(values, 0.5).toFixed(1)} ms, p99 ${percentile(values, 0.99).toFixed(1)} ms`;
  t.comment(
    `${GUESTS} guests, ${storm.seconds.toFixed(1)} s; ${storm.retries} repeated; DHCP ${show(storm.dhcpMs)}`,
  );
  t.comment(`${storm.httpMs.length} requests: ${show(storm.httpMs)}`);
});

function storming() {
  const guests = Array.from({ length: GUESTS }, (_, index) =>
    factsOf({
      vserverId: `vs-${index}`,
      hostname: `guest-${index}`,
      userData: Buffer.from(`user data of guest ${index}\n`),
      allowImdsV1: false,
      nics: [
        nicOf({
          mac: stormMac(index),
          ipv4: { address: stormAddress(index), prefixLength: 16, gateway: GATEWAY },
        }),
      ],
    }),
  );
  // The directory for tests looks through a list; with so many guests that would be what is measured.
  const byKey = new Map(
    guests.flatMap((facts) =>
      facts.nics.flatMap((nic) => [
        [nic.mac, { facts, nic }],
        [nic.ipv4?.address, { facts, nic }],
      ]),
    ),
  );
  const look = (_vnetId: string, key: string) => byKey.get(key);
  return { ...directoryOf(), byMac: look, byAddress: look };
}

/** All in one namespace: guests are told apart by their messages and source addresses. */
async function addAddresses(namespace: string): Promise<void> {
  const lines = Array.from(
    { length: GUESTS },
    (_, index) => `address add ${stormAddress(index)}/16 dev eth0`,
  );
  lines.push(`route add 169.254.169.254 via ${GATEWAY}`, 'route add 255.255.255.255 dev eth0');
  const child = spawn('ip', ['-n', namespace, '-batch', '-'], { stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin.end(`${lines.join('\n')}\n`);
  await new Promise<void>((resolve, reject) => {
    child
      .on('error', reject)
      .on('close', (code) => (code === 0 ? resolve() : reject(new Error('ip -batch failed'))));
  });
}
