// The texts given to ip, bridge and nft, and the readers of their answers, without a host.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ensureVNicText, frameText, removeVNicText } from '../../agent/network/bridge-table.ts';
import { fromGuestRules, linkLocal, SHARED_CHAINS, toGuestRules } from '../../agent/network/guest-rules.ts';
import {
  ensureVNetLines,
  markerText,
  peerLines,
  readMarker,
  readRemotes,
  removeVNetLines,
} from '../../agent/network/host-commands.ts';
import { vnetNames, vnicNames } from '../../agent/network/names.ts';
import { namespaceScript } from '../../agent/network/namespace-script.ts';
import {
  type HostState,
  type Link,
  readCounters,
  readLinks,
  readNamespaces,
  readPorts,
  UNMOUNTED,
} from '../../agent/network/observe.ts';
import { checkVNetPlan, checkVNicPlan, type VNetPlan, type VNicPlan } from '../../agent/network/plans.ts';

const names = vnetNames('ik', 'vnet-1a2b3c4d');
const plan: VNetPlan = {
  id: 'vnet-1a2b3c4d',
  bridge: names.bridge,
  namespace: names.namespace,
  hostVeth: names.hostVeth,
  mtu: 1500,
  ipv4: { gateway: '10.0.0.1', prefixLength: 24 },
  ipv6: { gateway: 'fd00:1::1', prefixLength: 64 },
  transport: { type: 'local' },
};
const vnic: VNicPlan = {
  id: 'vnic-5e6f7a8b',
  bridge: plan.bridge,
  ...vnicNames('ik', 'vnic-5e6f7a8b'),
  ipv4: '10.0.0.5',
  ipv6: 'fd00:1::5',
};
const empty = (): HostState => ({ links: new Map(), namespaces: new Map() });

t.test('names follow from prefix and id', async (t) => {
  t.same(names, {
    bridge: 'ikb1a2b3c4d',
    namespace: 'ik-1a2b3c4d',
    hostVeth: 'ikv1a2b3c4d',
    uplink: 'iku1a2b3c4d',
    wayOut: 'iko1a2b3c4d',
    inetLeg: 'iki1a2b3c4d',
    legMac: '0a:69:1a:2b:3c:4d',
    inetBridge: 'ikinet',
    gatewayMac: '02:69:1a:2b:3c:4d',
    bridgeMac: '06:69:1a:2b:3c:4d',
    linkIndex: 1184237709,
  });
  t.same(vnicNames('ik', 'vnic-5e6f7a8b'), { device: 'ikt5e6f7a8b', mac: '52:54:5e:6f:7a:8b' });
  for (const name of Object.values(vnetNames('abcd', plan.id))) t.ok(String(name).length <= 17);
  t.ok(vnetNames('abcd', plan.id).bridge.length <= 15, 'an interface name has at most 15 characters');
});

t.test('names are refused for what is not an id or a prefix', async (t) => {
  for (const id of [
    'vnic-1a2b3c4d',
    'vnet-1A2B3C4D',
    'vnet-1a2b3c4',
    'vnet-1a2b3c4d\n',
    'vnet-1a2b3c4d; x',
    '',
  ]) {
    t.throws(() => vnetNames('ik', id), { code: 'invalid' }, JSON.stringify(id));
  }
  for (const prefix of ['i', 'abcde', 'IK', 'i1', 'i*'])
    t.throws(() => vnetNames(prefix, plan.id), { code: 'invalid' });
});

t.test('ports of an agent do not look like taps of one with a shorter prefix', async (t) => {
  const longer = [
    vnetNames('ikt', plan.id).hostVeth,
    vnetNames('ikt', plan.id).uplink,
    vnicNames('ikt', vnic.id).device,
  ];
  const patterns = [...frameText('ik').matchAll(/[io]ifname "(ikt[0-9a-f])\*"/g)].map((match) => match[1]!);
  t.equal(patterns.length, 32);
  for (const name of longer)
    t.notOk(
      patterns.some((pattern) => name.startsWith(pattern)),
      name,
    );
  t.ok(patterns.some((pattern) => vnic.device.startsWith(pattern)));
});

t.test('a plan with anything but plain values never becomes text', async (t) => {
  const wrong: Partial<VNetPlan>[] = [
    { bridge: 'x; link del eth0' },
    { bridge: 'sixteencharacter' },
    { namespace: '../etc' },
    { hostVeth: 'a\nb' },
    { mtu: 100 },
    { mtu: Number.NaN },
    { ipv4: { gateway: '10.0.0.1/8', prefixLength: 24 } },
    { ipv4: { gateway: '10.0.0.1', prefixLength: 33 } },
    { ipv6: { gateway: '10.0.0.1', prefixLength: 64 } },
    { ipv6: { gateway: 'fe80::1%eth0', prefixLength: 64 } },
    { mtu: 1000 },
    { transport: { type: 'vlan', device: 'eth0', id: 0 } },
    { transport: { type: 'vlan', device: 'eth0 type dummy', id: 5 } },
    { transport: { type: 'vxlan', vni: 2 ** 24, local: '192.0.2.1', peers: [] } },
    { transport: { type: 'vxlan', vni: 5, local: '192.0.2.1', peers: ['other-host'] } },
  ];
  checkVNetPlan(plan);
  for (const part of wrong)
    t.throws(() => checkVNetPlan({ ...plan, ...part }), { code: 'invalid' }, JSON.stringify(part));
  checkVNicPlan(vnic);
  const bad: Partial<VNicPlan>[] = [
    { mac: '53:54:00:00:00:01' },
    { mac: '52:54:00:00:00' },
    { device: 'a"b' },
    { ipv4: 'fd00::1' },
    { ipv6: '10.0.0.1' },
    { ipv6: 'fe80::1%x' },
  ];
  for (const part of bad)
    t.throws(() => checkVNicPlan({ ...vnic, ...part }), { code: 'invalid' }, JSON.stringify(part));
});

t.test('the link-local address is EUI-64 (RFC 4291, appendix A)', async (t) => {
  t.equal(linkLocal('34:56:78:9a:bc:de'), 'fe80::3656:78ff:fe9a:bcde');
  t.equal(linkLocal('52:54:00:00:00:01'), 'fe80::5054:ff:fe00:1');
});

t.test('without an address of a protocol, nothing of that protocol is accepted', async (t) => {
  const { ipv4, ipv6, ...bare } = vnic;
  t.same(fromGuestRules(bare), ['ether saddr != 52:54:5e:6f:7a:8b goto drop_mac', 'goto from_others']);
  t.notOk(fromGuestRules({ ...bare, ipv4: ipv4! }).some((rule) => rule.includes('ip6')));
  t.notOk(fromGuestRules({ ...bare, ipv6: ipv6! }).some((rule) => /ether type (ip|arp) /.test(rule)));
});

t.test('every chain ends with a verdict, and what others shall not do with a drop', async (t) => {
  const returning = ['before_guests'];
  for (const [name, rules] of Object.entries(SHARED_CHAINS)) {
    if (!returning.includes(name)) t.match(rules.at(-1), / drop$|^goto drop_/, name);
  }
  t.equal(fromGuestRules(vnic).at(-1), 'goto from_others');
  t.equal(toGuestRules(vnic).at(-1), 'goto to_others');
});

t.test('every chain that is gone to exists', async (t) => {
  const known = new Set(Object.keys(SHARED_CHAINS));
  for (const rule of [
    ...Object.values(SHARED_CHAINS).flat(),
    ...fromGuestRules(vnic),
    ...toGuestRules(vnic),
  ]) {
    for (const [, chain] of rule.matchAll(/(?:goto|jump) (\w+)/g)) t.ok(known.has(chain!), String(chain));
  }
});

t.test('adding a VNIC touches its own chains and entries only, and makes no set', async (t) => {
  for (const text of [ensureVNicText('ik', vnic), removeVNicText('ik', vnic.device)]) {
    for (const line of text.trim().split('\n')) t.ok(line.includes('ikt5e6f7a8b'), line);
  }
  t.notMatch(
    ensureVNicText('ik', vnic),
    /add rule .*[{]/,
    'a set of its own in a rule would slow every other change',
  );
});

t.test('on an empty host everything is made; where all is there, only settings are repeated', async (t) => {
  const fresh = ensureVNetLines(plan, names, empty());
  t.equal(fresh[0], 'netns add ik-1a2b3c4d');
  t.equal(fresh.filter((line) => / add /.test(line)).length, 3);
  t.ok(fresh.includes('link set dev ikv1a2b3c4d type bridge_slave isolated on'));
  const alias = markerText({ namespaceInode: 7, digest: '0123456789abcdef' });
  const there: HostState = {
    links: new Map([
      [plan.bridge, { name: plan.bridge, up: true }],
      [plan.hostVeth, { name: plan.hostVeth, up: true, alias }],
    ]),
    namespaces: new Map([[plan.namespace, 7]]),
  };
  t.ok(ensureVNetLines(plan, names, there).every((line) => line.startsWith('link set ')));
  there.namespaces.set(plan.namespace, 8);
  const moved = ensureVNetLines(plan, names, there);
  t.ok(moved.includes('link del dev ikv1a2b3c4d'), 'a veth that leads to another namespace is made anew');
  there.namespaces.set(plan.namespace, UNMOUNTED);
  t.same(ensureVNetLines(plan, names, there).slice(0, 2), [
    'netns delete ik-1a2b3c4d',
    'netns add ik-1a2b3c4d',
  ]);
  t.same(removeVNetLines(plan, names, empty()), []);
  t.same(removeVNetLines(plan, names, there), [
    'link del dev ikv1a2b3c4d',
    'link del dev ikb1a2b3c4d',
    'netns delete ik-1a2b3c4d',
  ]);
});

t.test('uplinks: a VLAN device, a VXLAN, each isolated from the namespace’s port', async (t) => {
  const vlan = ensureVNetLines(
    { ...plan, transport: { type: 'vlan', device: 'eth1', id: 42 } },
    names,
    empty(),
  );
  t.ok(vlan.includes('link add link eth1 name iku1a2b3c4d type vlan id 42'));
  t.ok(vlan.includes('link set dev iku1a2b3c4d master ikb1a2b3c4d'));
  t.ok(vlan.includes('link set dev iku1a2b3c4d type bridge_slave isolated on'));
  const vxlan = {
    type: 'vxlan',
    vni: 4242,
    local: '192.0.2.1',
    peers: ['192.0.2.2'],
  } satisfies VNetPlan['transport'];
  const lines = ensureVNetLines({ ...plan, transport: vxlan }, names, empty());
  const device = 'link add name iku1a2b3c4d type vxlan id 4242 local 192.0.2.1 dstport 4789';
  t.ok(lines.includes(device));
  const learnt = ensureVNetLines({ ...plan, transport: { ...vxlan, peers: 'evpn' } }, names, empty());
  t.ok(learnt.includes(`${device} nolearning`), 'with an EVPN speaker, only the device is made');
  t.ok(learnt.includes('link set dev iku1a2b3c4d type bridge_slave learning off'));
});

t.test('the flood list changes only where it differs', async (t) => {
  const answer = JSON.stringify([
    { mac: '00:00:00:00:00:00', dst: '192.0.2.2' },
    { mac: '52:54:00:00:00:01', dst: '192.0.2.9' },
    { mac: '33:33:00:00:00:01' },
  ]);
  const present = readRemotes(answer);
  t.same(present, [
    { mac: '00:00:00:00:00:00', dst: '192.0.2.2' },
    { mac: '52:54:00:00:00:01', dst: '192.0.2.9' },
  ]);
  t.same(peerLines('iku1', present, ['192.0.2.9']), [
    'fdb append 00:00:00:00:00:00 dev iku1 dst 192.0.2.9 self permanent',
    'fdb del 00:00:00:00:00:00 dev iku1 dst 192.0.2.2 self',
  ]);
  t.same(
    peerLines('iku1', present, ['192.0.2.2']),
    ['fdb del 52:54:00:00:00:01 dev iku1 dst 192.0.2.9 self'],
    'what was learnt at a host that is no peer is forgotten',
  );
  t.same(peerLines('iku1', present, ['192.0.2.2', '192.0.2.9']).length, 1);
});

t.test('a namespace without a protocol has nothing of it', async (t) => {
  const { ipv4, ipv6, ...bare } = plan;
  const only4 = namespaceScript('ik', { ...bare, ipv4: ipv4! }, 'fe80::1');
  t.notMatch(only4, /ip6|icmpv6|fd00|fe80/);
  t.match(only4, /address replace 169\.254\.169\.254\/32 dev vnet0/);
  t.match(only4, /route replace 255\.255\.255\.255\/32 dev vnet0/);
  const only6 = namespaceScript('ik', { ...bare, ipv6: ipv6! }, 'fe80::1');
  t.notMatch(only6, /169\.254|ip daddr|udp dport 67/);
  t.match(only6, /address replace fd00:ec2::254\/128 dev vnet0 nodad/);
});

t.test('public addresses: in the maps, on the leg, and gone without them', async (t) => {
  const inet = {
    bridge: 'br0',
    behindHost: false,
    ipv4: { gateway: '203.0.113.1', ranges: ['203.0.113.16/28'] },
    addresses: [{ public: '203.0.113.16', inside: '10.0.0.5' }],
  };
  const script = namespaceScript('ik', { ...plan, inet }, 'fe80::1');
  t.match(script, /dnat ip to ip daddr map \{ 203\.0\.113\.16 : 10\.0\.0\.5 \}/);
  t.match(script, /oifname "inet0" snat ip to ip saddr map \{ 10\.0\.0\.5 : 203\.0\.113\.16 \}/);
  t.match(script, /address replace 203\.0\.113\.16\/32 dev inet0/);
  t.notMatch(script, /dnat ip6|snat ip6/, 'nothing of the protocol without one');
  t.notMatch(namespaceScript('ik', plan, 'fe80::1'), /inet0|nat ip|chain translate/);
  const bridge = { name: 'br0', up: true, mtu: 9000 };
  const leg = { name: names.inetLeg, up: true, master: 'br0' };
  const withLeg = (...links: Link[]) => ({ ...empty(), links: new Map(links.map((one) => [one.name, one])) });
  const made = ensureVNetLines({ ...plan, inet }, names, withLeg(bridge));
  t.ok(
    made.some((line) => line.startsWith(`link add name ${names.inetLeg} mtu 9000 type veth`)),
    'its MTU',
  );
  t.ok(made.includes(`link set dev ${names.inetLeg} master br0`));
  const waiting = ensureVNetLines({ ...plan, inet }, names, empty());
  t.notOk(
    waiting.some((line) => line.includes('master br0')),
    'waits for the provider’s bridge',
  );
  t.ok(ensureVNetLines(plan, names, withLeg(bridge, leg)).includes(`link del dev ${names.inetLeg}`));
  const others = [
    { bridge: 'br0; x' },
    { addresses: [{ public: '203.0.113.16', inside: 'fd00::1' }] },
    { addresses: [{ public: '203.0.113.16 }', inside: '10.0.0.5' }] },
    { addresses: [{ public: '2001:db8::1', inside: 'fd00::1' }] },
    { ipv4: { gateway: 'router', ranges: [] } },
    { ipv4: { gateway: '203.0.113.1', ranges: ['203.0.113.0/28; x'] } },
  ];
  for (const part of others)
    t.throws(() => checkVNetPlan({ ...plan, inet: { ...inet, ...part } }), { code: 'invalid' });
});

t.test('markers that are not ours mean that nothing is known', async (t) => {
  t.same(readMarker(markerText({ namespaceInode: 5, digest: 'a'.repeat(16) })), {
    namespaceInode: 5,
    digest: 'a'.repeat(16),
  });
  for (const alias of [undefined, '', 'uplink to rack 4', 'innkeeper:5:', 'innkeeper:x:0123456789abcdef']) {
    t.equal(readMarker(alias), undefined);
  }
});

t.test('answers of ip and nft are read, and strange ones survived', async (t) => {
  const links = readLinks(
    '[{"ifname":"a","flags":["UP"],"master":"b","ifalias":"c"},{"ifindex":2},{"ifname":"d"}]',
  );
  t.same(
    [...links.values()],
    [
      { name: 'a', up: true, alias: 'c', master: 'b' },
      { name: 'd', up: false },
    ],
  );
  t.equal(readLinks('').size, 0);
  t.equal(readLinks('{}').size, 0);
  t.same(
    readPorts(
      '{"nftables":[{"metainfo":{}},{"set":{"family":"bridge","table":"ik","elem":["ikt1",{"prefix":1}]}}]}',
      'ik',
    ),
    ['ikt1'],
  );
  t.same(readPorts('{"nftables":[{"set":{"family":"bridge","table":"ik","name":"ports"}}]}', 'ik'), []);
  const element = (val: string, packets: number): object => ({
    elem: { val, counter: { packets, bytes: 0 } },
  });
  const set = (name: string, elem: unknown[] = [], table = 'ik'): object => ({
    set: { family: 'bridge', table, name, elem },
  });
  const nftables = [
    set('senders', [element('vif3.0', 9)]),
    set('receivers', [element('vif3.0', 8), 'strange']),
    set('dropped_mac', [element('vif3.0', 4), element('gone', 5)]),
    set('dropped_ra'),
    set('senders', [element('other1', 7)], 'other'),
    set('dropped_mac', [], 'other'),
  ];
  const counters = readCounters([JSON.stringify({ nftables })], 'ik');
  t.same([...counters.keys()], ['vif3.0']);
  t.match(counters.get('vif3.0'), { fromGuest: 9, toGuest: 8, dropped: { mac: 4, ra: 0 } });
});

t.test('a file without a namespace on it is told from a namespace', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'netns-'));
  t.teardown(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'ik-1a2b3c4d'), '');
  await writeFile(join(directory, 'other'), '');
  await mkdir(join(directory, 'ik-directory'));
  const found = await readNamespaces('ik', directory);
  t.equal(found.get('ik-1a2b3c4d'), UNMOUNTED);
  t.notOk(found.has('other'));
  t.equal((await readNamespaces('ik', join(directory, 'absent'))).size, 0);
});
