// Whatever a guest sends, its neighbours, its VNet's gateway and the host see only what is its own.
import t from 'tap';
import { REASONS } from '../../agent/network/guest-rules.ts';
import { HostNetwork, type VNicPlan, vnetNames, vnicNames } from '../../agent/network/mod.ts';
import { run } from '../../agent/network/run.ts';
import { type Attempt, lawful, type Party, spoofs } from '../helpers/network-attempts.ts';
import {
  addStation,
  capture,
  removeStations,
  type Station,
  send,
  serveHttp,
  succeeds,
  uniquePrefix,
  vnetPlan,
} from '../helpers/network-lab.ts';
import { END, endFrom, observe, type Place } from '../helpers/network-observe.ts';
import { BROADCAST, ethernet, ipv4, udp } from '../helpers/network-packets.ts';

const prefix = uniquePrefix();
const network = new HostNetwork({ prefix });
const vnet = vnetPlan(prefix, 'vnet-00000001');
const twin = vnetPlan(prefix, 'vnet-00000002');
const gateway: Party = { mac: vnetNames(prefix, vnet.id).gatewayMac, ipv4: '10.0.0.1', ipv6: 'fd00:1::1' };

/** A guest with rules: its port is named as its tap would be. */
function guest(id: string, bridge: string, last: number): Station & Party & { plan: VNicPlan } {
  const { device, mac } = vnicNames(prefix, id);
  const addresses = { ipv4: `10.0.0.${last}`, ipv6: `fd00:1::${last}` };
  const plan = { id, device, bridge, mac, ...addresses };
  return { namespace: `${prefix}g-${id.slice(-4)}`, port: device, mac, ...addresses, plan };
}

const alice = guest('vnic-0000000a', vnet.bridge, 10);
const bob = guest('vnic-0000000b', vnet.bridge, 11);
const aliceTwin = guest('vnic-0000001a', twin.bridge, 10);
/** A tap by its name, for which nobody has made rules. */
const stray: Station = {
  namespace: `${prefix}g-stray`,
  port: vnicNames(prefix, 'vnic-0000000c').device,
  mac: '52:54:00:00:00:0c',
};
/** Ports the rules say nothing about: they see all that is flooded, and can send anything. */
const watcher: Station = { namespace: `${prefix}g-watch`, port: `${prefix}w1`, mac: '52:54:00:00:00:0d' };
const lawless: Station = { namespace: `${prefix}g-free`, port: `${prefix}w2`, mac: '52:54:00:00:00:0e' };
const stations = [alice, bob, aliceTwin, stray, watcher, lawless];

t.before(async () => {
  await network.ensureVNet(vnet);
  await network.ensureVNet(twin);
  for (const { plan } of [alice, bob, aliceTwin]) await network.ensureVNic(plan);
  for (const station of stations)
    await addStation(station === aliceTwin ? twin.bridge : vnet.bridge, station);
});

t.teardown(async () => {
  await removeStations(stations);
  for (const { plan } of [alice, bob, aliceTwin]) await network.removeVNic(plan.device);
  await network.removeVNet(vnet);
  await network.removeVNet(twin);
});

t.test('no spoofed frame reaches a neighbour, the gateway or the host', async (t) => {
  const attempts = spoofs(alice, bob, gateway);
  const places: Place[] = [
    ['watcher', watcher.namespace, 'eth0'],
    ['neighbour', bob.namespace, 'eth0'],
    ['gateway', vnet.namespace, 'vnet0'],
  ];
  const control = await observe(lawless, attempts, places.slice(0, 1), endFrom(alice.mac, alice.ipv4));
  // The control has taught the bridge wrong places for Alice's MAC; a frame of her own puts it right.
  const leaks = await observe(alice, attempts, places, endFrom(alice.mac, alice.ipv4));
  for (const { name, control: meaningful } of attempts) {
    const arrives = control.get(name)!.length > 0;
    t.comment(
      `${name}: without rules ${arrives ? 'arrives' : 'lost'}, with rules seen by [${leaks.get(name)!}]`,
    );
    t.same(leaks.get(name), [], name);
    if (meaningful) t.ok(arrives, `without rules, it would arrive: ${name}`);
  }
  t.comment(
    `attempts ${attempts.length}, leaks ${[...leaks.values()].filter((seen) => seen.length > 0).length}`,
  );
});

t.test('what a guest has a right to send arrives', async (t) => {
  const attempts = lawful(alice, gateway);
  const places: Place[] = [
    ['watcher', watcher.namespace, 'eth0'],
    ['gateway', vnet.namespace, 'vnet0'],
    ['neighbour', bob.namespace, 'eth0'],
  ];
  const seen = await observe(alice, attempts, places, endFrom(alice.mac, alice.ipv4));
  for (const { name } of attempts) t.same(seen.get(name), ['watcher', 'gateway', 'neighbour'], name);
});

t.test('a guest gets frames for itself and for everyone, and no others', async (t) => {
  const { mac } = lawless;
  const address = '10.0.0.99';
  const packet = (marker: Buffer): Buffer => ipv4(address, '10.0.0.255', 17, udp(4000, 4001, marker));
  const make = (name: string, frame: (marker: Buffer) => Buffer): Attempt => {
    const marker = Buffer.from(`to-guest ${name}`);
    return { name, marker, frame: frame(marker), control: true };
  };
  const attempts = [
    make('own MAC', (m) => ethernet(mac, bob.mac, 0x0800, packet(m))),
    make('broadcast', (m) => ethernet(mac, BROADCAST, 0x0800, packet(m))),
    make('multicast', (m) => ethernet(mac, '01:00:5e:00:00:fb', 0x0800, packet(m))),
    make('unknown MAC', (m) => ethernet(mac, '52:54:00:99:99:99', 0x0800, packet(m))),
    make('VLAN tag', (m) => ethernet(mac, BROADCAST, 0x0800, packet(m), [0x81000007])),
    make('BPDU', (m) =>
      ethernet(mac, '01:80:c2:00:00:00', 38, Buffer.concat([Buffer.from('424203', 'hex'), m])),
    ),
    make('LLDP type', (m) => ethernet(mac, BROADCAST, 0x88cc, m)),
  ];
  const places: Place[] = [
    ['watcher', watcher.namespace, 'eth0'],
    ['guest', bob.namespace, 'eth0'],
  ];
  const seen = await observe(lawless, attempts, places, endFrom(lawless.mac, address));
  t.match(seen.get('own MAC'), ['guest']);
  t.same(seen.get('broadcast'), ['watcher', 'guest']);
  t.same(seen.get('multicast'), ['watcher', 'guest']);
  for (const name of ['unknown MAC', 'VLAN tag', 'BPDU', 'LLDP type'])
    t.same(seen.get(name), ['watcher'], name);
});

t.test('guests and host do not see each other', async (t) => {
  const toBridge = (mac: string, marker: Buffer): Buffer =>
    ethernet(
      mac,
      vnetNames(prefix, vnet.id).bridgeMac,
      0x0800,
      ipv4(alice.ipv4, '10.0.0.1', 17, udp(1, 2, marker)),
    );
  const fromAlice = Buffer.from('from-alice-to-host');
  const fromLawless = Buffer.from('from-lawless-to-host');
  const atHost = await capture(undefined, vnet.bridge, END);
  await send(alice.namespace, [toBridge(alice.mac, fromAlice), endFrom(alice.mac, alice.ipv4)]);
  await send(lawless.namespace, [toBridge(lawless.mac, fromLawless), endFrom(lawless.mac, '10.0.0.99')]);
  const seen = await atHost.frames;
  t.notOk(
    seen.some((frame) => frame.includes(fromAlice)),
    'what a guest sends to the bridge itself is dropped',
  );
  t.ok(
    seen.some((frame) => frame.includes(fromLawless)),
    'without rules, it would arrive',
  );

  const fromHost = Buffer.from('from-host-to-guests');
  const packet = ipv4('10.0.0.77', '255.255.255.255', 17, udp(1, 2, fromHost));
  const atAlice = await capture(alice.namespace, 'eth0', END);
  const atWatcher = await capture(watcher.namespace, 'eth0', END);
  const atGateway = await capture(vnet.namespace, 'vnet0', END);
  await send(undefined, [ethernet('06:00:00:00:00:01', BROADCAST, 0x0800, packet)], vnet.bridge);
  await send(lawless.namespace, [endFrom(lawless.mac, '10.0.0.99')]);
  const [alices, watchers, gateways] = await Promise.all([
    atAlice.frames,
    atWatcher.frames,
    atGateway.frames,
  ]);
  const arrived = (frames: Buffer[]): boolean => frames.some((frame) => frame.includes(fromHost));
  t.same(
    [arrived(alices), arrived(gateways), arrived(watchers)],
    [false, false, true],
    'alice, gateway, control',
  );
});

t.test('a tap without rules neither sends nor receives', async (t) => {
  const marker = Buffer.from('from-the-stray-tap');
  const frame = (mac: string, mark: Buffer): Buffer =>
    ethernet(mac, BROADCAST, 0x0800, ipv4('10.0.0.12', '255.255.255.255', 17, udp(1, 2, mark)));
  const toStray = Buffer.from('to-the-stray-tap');
  const atWatcher = await capture(watcher.namespace, 'eth0', END);
  const atStray = await capture(stray.namespace, 'eth0', Buffer.from('local-end-of-stray'));
  await send(stray.namespace, [frame(stray.mac, marker)]);
  await send(lawless.namespace, [frame(lawless.mac, toStray), endFrom(lawless.mac, '10.0.0.99')]);
  const seen = await atWatcher.frames;
  t.notOk(seen.some((one) => one.includes(marker)));
  t.ok(seen.some((one) => one.includes(toStray)));
  // Rules for it now: what is sent next arrives and ends the capture, so the silence before was the rules' work.
  const { device, mac } = vnicNames(prefix, 'vnic-0000000c');
  await network.ensureVNic({ id: 'vnic-0000000c', device, bridge: vnet.bridge, mac, ipv4: '10.0.0.12' });
  t.teardown(() => network.removeVNic('vnic-0000000c'));
  await send(lawless.namespace, [frame(lawless.mac, Buffer.from('local-end-of-stray'))]);
  const received = await atStray.frames;
  t.ok(received.some((one) => one.includes('local-end-of-stray')));
  t.notOk(received.some((one) => one.includes(toStray)));
});

t.test('the gateway and the metadata address answer, and nothing else of the namespace does', async (t) => {
  const server = await serveHttp(vnet.namespace, [80, 81]);
  t.teardown(() => server.stop());
  const ping = (address: string): Promise<boolean> =>
    succeeds(alice.namespace, 'ping', '-n', '-c', '1', '-W', '2', address);
  const get = (port: number, address = '169.254.169.254'): Promise<boolean> =>
    succeeds(alice.namespace, 'curl', '-sf', '-m', '1', `http://${address}:${port}/`);
  t.ok(await ping('10.0.0.1'), 'echo of the gateway');
  t.ok(await ping('10.0.0.11'), 'echo of the neighbour');
  t.ok(await ping('fd00:1::1'), 'echo of the gateway over IPv6');
  t.ok(await get(80), 'the metadata service over the default route');
  t.notOk(await get(81), 'another port, though something listens there');
  t.ok(
    await succeeds(vnet.namespace, 'curl', '-sf', '-m', '1', 'http://169.254.169.254:81/'),
    'it does listen',
  );
});

t.test('two VNets with the same addresses are two worlds', async (t) => {
  // An active connection tracker in the host, as firewalls and libvirt's own networks bring it.
  const table = `${prefix}x`;
  await run(
    'nft',
    ['-f', '-'],
    `table inet ${table} {\nchain c {\ntype filter hook prerouting priority 0 ;\nct state invalid counter\n}\n}\n`,
  );
  t.teardown(() => run('nft', ['delete', 'table', 'inet', table]));
  const first = Buffer.from('half-of-vnet-one');
  const later = Buffer.from('tail-of-vnet-two');
  const broadcast = (payload: Buffer, fragment: number): Buffer =>
    ethernet(alice.mac, BROADCAST, 0x0800, ipv4(alice.ipv4, '255.255.255.255', 17, payload, { fragment }));
  const atTwin = await capture(twin.namespace, 'vnet0', END);
  await send(alice.namespace, [broadcast(udp(4000, 4001, first), 0x2000)]);
  const twinFragment = ethernet(
    aliceTwin.mac,
    BROADCAST,
    0x0800,
    ipv4(alice.ipv4, '255.255.255.255', 17, later, { fragment: 3 }),
  );
  await send(aliceTwin.namespace, [twinFragment, endFrom(aliceTwin.mac, aliceTwin.ipv4)]);
  const seen = await atTwin.frames;
  t.notOk(
    seen.some((frame) => frame.includes(first)),
    'nothing of the other VNet',
  );
  t.ok(
    seen.some((frame) => frame.includes(later)),
    'its own fragment, not put together with one of the other VNet',
  );
  t.ok(await succeeds(aliceTwin.namespace, 'ping', '-n', '-c', '1', '-W', '2', '10.0.0.1'));
  t.notOk(await succeeds(aliceTwin.namespace, 'ping', '-n', '-c', '1', '-W', '1', bob.ipv4));
});

t.test('every drop is counted for its VNIC by reason', async (t) => {
  const counters = await network.counters();
  const { fromGuest, toGuest, dropped } = counters.get(alice.plan.device)!;
  for (const reason of REASONS) {
    if (reason !== 'destination' && reason !== 'security')
      t.ok(dropped[reason] > 0, `${reason}: ${dropped[reason]}`);
  }
  t.ok(counters.get(bob.plan.device)!.dropped.destination > 0, 'destination, at the neighbour');
  const sum = Object.values(dropped).reduce((total, count) => total + count);
  t.ok(fromGuest + toGuest > sum, `of ${fromGuest} sent and ${toGuest} for it, ${sum} were dropped`);
  await network.ensureVNic(alice.plan);
  t.same(
    (await network.counters()).get(alice.plan.device)?.dropped.mac,
    dropped.mac,
    'replacing rules keeps counts',
  );
});

t.test('a guest whose VNIC is removed is cut off, though its tap is still there', async (t) => {
  t.ok(await succeeds(alice.namespace, 'ping', '-n', '-c', '1', '-W', '2', '10.0.0.1'));
  await network.removeVNic(alice.plan.id);
  t.notOk(await succeeds(alice.namespace, 'ping', '-n', '-c', '1', '-W', '1', '10.0.0.1'));
  await network.ensureVNic(alice.plan);
  t.ok(await succeeds(alice.namespace, 'ping', '-n', '-c', '1', '-W', '2', '10.0.0.1'));
});
