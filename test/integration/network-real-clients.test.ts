// Every DHCP client that images come with gets its addresses, behind the real rules, and renews them.
import t from 'tap';
import { HostNetwork, vnicNames } from '../../agent/network/mod.ts';
import { GATEWAY_DEVICE } from '../../agent/network/names.ts';
import { type Dhcp4Event, type Dhcp6Event, MetadataServer } from '../../metadata-server/mod.ts';
import { directoryOf, factsOf, nicOf } from '../helpers/guest-facts.ts';
import { addStation, removeStations, type Station, uniquePrefix, vnetPlan } from '../helpers/network-lab.ts';
import { dhclient, dhcpcd, networkd, type StartClient, udhcpc } from '../helpers/real-clients.ts';
import { sh } from '../helpers/wires.ts';

const prefix = uniquePrefix();
const vnet = vnetPlan(prefix, 'vnet-0000c11e');
const CLIENTS: [name: string, start: StartClient, ipv6: boolean][] = [
  ['dhclient', dhclient, true],
  ['udhcpc', udhcpc, false],
  ['dhcpcd', dhcpcd, true],
  ['systemd-networkd', networkd, true],
];
/** Short, so that a renewal is due within seconds. */
const LEASE_SECONDS = 10;
const PATIENCE_MS = 90_000;

const guests = CLIENTS.map(([name, start, ipv6], i) => {
  const id = `vnic-000c11e${i}`;
  const { device, mac } = vnicNames(prefix, id);
  const addresses = { ipv4: `10.0.0.${10 + i}`, ...(ipv6 ? { ipv6: `fd00:1::${10 + i}` } : {}) };
  const station: Station = { namespace: `${prefix}g-c${i}`, port: device, mac };
  return { id, name, start, station, device, mac, addresses };
});

const facts = guests.map(({ id, name, mac, addresses: { ipv4, ipv6 } }, i) =>
  factsOf({
    vserverId: `vs-0000000${i}`,
    hostname: name,
    nics: [
      nicOf({
        vnicId: id,
        vnetId: vnet.id,
        mac,
        mtu: 1400,
        ipv4: { address: ipv4, prefixLength: 24, gateway: '10.0.0.1' },
        ...(ipv6 ? { ipv6: { address: ipv6, prefixLength: 64, gateway: 'fd00:1::1' } } : {}),
        dnsServers: ['10.0.0.53', 'fd00:1::53'],
      }),
    ],
  }),
);

async function until(what: string, holds: () => Promise<boolean>, told: () => string): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what} did not come about:\n${told()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

t.test('real clients get their addresses and renew them', async (t) => {
  const problems: object[] = [];
  const note = (details: object) => problems.push(details);
  const log = { debug() {}, info() {}, warn: note, error: note };
  const network = new HostNetwork({ prefix });
  const server = new MetadataServer({ directory: directoryOf(...facts), log });
  t.teardown(async () => {
    await server.close();
    await removeStations(guests.map(({ station }) => station));
    for (const { device } of guests) await network.removeVNic(device);
    await network.removeVNet(vnet);
  });
  await network.ensureVNet({ ...vnet, mtu: 1400 });
  for (const { id, device, mac, addresses } of guests) {
    await network.ensureVNic({ id, device, mac, bridge: vnet.bridge, ...addresses });
  }
  await server.add({
    vnetId: vnet.id,
    namespace: vnet.namespace,
    device: GATEWAY_DEVICE,
    ipv4: { address: '10.0.0.1', prefixLength: 24 },
    ipv6: { address: 'fd00:1::1', prefixLength: 64 },
    mtu: 1400,
    leaseSeconds: LEASE_SECONDS,
    dnsServers: ['fd00:1::53'],
  });

  const files = t.testdir(Object.fromEntries(CLIENTS.map(([name]) => [name, {}])));
  await Promise.all(
    guests.map(async ({ name, start, station, mac, addresses: { ipv4, ipv6 } }) => {
      await addStation(vnet.bridge, station);
      const client = start(station.namespace, `${files}/${name}`);
      t.teardown(client.stop);
      const inside = (...command: string[]) => sh('ip', '-n', station.namespace, ...command);
      const has = async (address: string) =>
        (await inside('address', 'show', 'eth0')).includes(` ${address}/`);
      const counts = () => ({
        v4: server.counters(vnet.id)?.dhcp4Clients.find((one) => one.mac === mac)?.counts,
        v6: server.counters(vnet.id)?.dhcp6Clients.find((one) => one.mac === mac)?.counts,
      });
      const told = () => `${JSON.stringify(counts())}\n${client.said()}`;

      await until(`${name}: IPv4`, () => has(ipv4), told);
      t.pass(`${name} has ${ipv4}`);
      const enough4: Partial<Record<Dhcp4Event, number>> = { request: 2, ack: 2 };
      await until(`${name}: renewal`, async () => reached(counts().v4, enough4), told);
      t.equal(counts().v4?.nak, 0, `${name} has renewed without being refused`);
      if (!ipv6) return;
      await until(`${name}: IPv6`, () => has(ipv6), told);
      const router = async () => /via fe80::/.test(await inside('-6', 'route', 'show', 'default'));
      await until(`${name}: router`, router, told);
      t.pass(`${name} has ${ipv6} and knows its router`);
      const enough6: Partial<Record<Dhcp6Event, number>> = { renew: 1, reply: 2 };
      await until(`${name}: renewal of IPv6`, async () => reached(counts().v6, enough6), told);
      t.pass(`${name} has renewed ${ipv6}`);
    }),
  );
  t.same(problems, [], 'nothing was complained about');
});

function reached<E extends string>(counts: Record<E, number> | undefined, least: Partial<Record<E, number>>) {
  return Object.entries(least).every(([event, count]) => (counts?.[event as E] ?? 0) >= (count as number));
}
