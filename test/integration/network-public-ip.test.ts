// PublicIPs on a provider's bridge: one-to-one both ways, announced, movable, and no way to anything else.
import t, { type Test } from 'tap';
import { type AgentGuest, agentGuest, eventually, type Vnic } from '../helpers/agent-guest.ts';
import { preparedAgent, type TestAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { answer, asked, echo, NOBODY, type Provider, provider, said, watch } from '../helpers/provider.ts';
import { sh } from '../helpers/wires.ts';

const own = process.pid % 250;
const range = (last: number) => `198.19.${own}.${last}`;
const range6 = (last: string) => `2001:db8:${own.toString(16)}::1:${last}`;

interface Attached {
  publicIpId: string;
  address: string;
  state: string;
  vnicId?: string;
}

interface Member extends AgentGuest {
  vnic: Vnic;
}

/** A VServer on a VNet, and a namespace in the place of its guest. */
async function member(
  t: Test,
  agent: TestAgent,
  name: string,
  vnetId: string,
  last: number,
): Promise<Member> {
  const at = { vnetId, ipv4Address: `10.0.0.${last}`, ipv6Address: `fd00:1::${last}` };
  await agent.call('createVServer', { name, type: 'tiny', imageId: 'guest', vnics: [at] });
  const [vnic] = await agent.call<[Vnic]>('listVNIC', { vserverId: name });
  const guest = await agentGuest(agent, vnic);
  t.teardown(guest.remove);
  await guest.inside('ip', 'address', 'add', `10.0.0.${last}/24`, 'dev', 'eth0');
  await guest.inside('ip', 'route', 'add', 'default', 'via', '10.0.0.1');
  await guest.inside('ip', 'address', 'add', `fd00:1::${last}/64`, 'dev', 'eth0', 'nodad');
  await guest.inside('ip', '-6', 'route', 'add', 'default', 'via', 'fd00:1::1');
  await echo(t, guest.namespace, name, `10.0.0.${last}`);
  await echo(t, guest.namespace, name, `fd00:1::${last}`);
  return { ...guest, vnic };
}

const attach = (agent: TestAgent, publicIpId: string, { vnic }: Member) =>
  agent.call<Attached>('attachPublicIP', { publicIpId, vnicId: vnic.vnicId });
const detach = (agent: TestAgent, publicIpId: string) =>
  agent.call<Attached>('detachPublicIP', { publicIpId });

/** An honest asker gets this answer, however slow the host is. */
async function sees(
  t: Test,
  namespace: string,
  address: string,
  expected: string,
  what: string,
  ask = asked,
) {
  t.equal(await answer(namespace, address, expected, ask), expected, what);
}

interface Scene {
  agent: TestAgent;
  outside: Provider;
  /** `red` and `blue` are on VNets of their own with the same subnet, `rust` is beside `red`. */
  red: Member;
  rust: Member;
  blue: Member;
  before: string[];
}

async function scene(t: Test): Promise<Scene> {
  const agent = await preparedAgent(t, { libvirtUri: 'test:///default' });
  const outside = await provider(t, agent.prefix, own);
  agent.configure({
    reconcile_seconds: 5,
    inet: {
      bridge: outside.bridge,
      ipv4_ranges: [`${range(16)}/28`],
      ipv4_gateway: outside.ipv4,
      ipv6_ranges: [`${range6('100')}/120`],
      ipv6_gateway: outside.ipv6,
    },
  });
  await agent.start();
  await registeredImage(agent);
  const before = await agent.leftovers();
  for (const name of ['reds', 'blues']) {
    await agent.call('createVNet', { name, ipv4Subnet: '10.0.0.0/24', ipv6Subnet: 'fd00:1::/64' });
  }
  const red = await member(t, agent, 'red', 'reds', 2);
  const rust = await member(t, agent, 'rust', 'reds', 3);
  const blue = await member(t, agent, 'blue', 'blues', 2);
  return { agent, outside, red, rust, blue, before };
}

t.test('PublicIPs on a provider’s bridge', async (t) => {
  const all = await scene(t);
  await t.test('a guest is reached by its public address, and seen under it', (t) => reached(t, all));
  await t.test('nothing else is opened', (t) => attacks(t, all));
  await t.test('an address moves with an announcement, and its connections end', (t) => moves(t, all));
  await t.test('what others take away comes back', (t) => restored(t, all));
  await t.test('it goes with its VNIC, and leaves nothing', (t) => gone(t, all));
});

async function reached(t: Test, { agent, outside, red, rust, blue }: Scene): Promise<void> {
  const first = await agent.call<Attached>('allocatePublicIP');
  t.match(first, { address: range(16), protocol: 'ipv4', state: 'unattached' }, 'the lowest one');
  const second = await agent.call<Attached>('allocatePublicIP', { address: range(20) });
  const third = await agent.call<Attached>('allocatePublicIP', { protocol: 'ipv6', address: range6('107') });
  await t.rejects(agent.call('allocatePublicIP', { address: range(20) }), { code: 'conflict' });
  await t.rejects(agent.call('allocatePublicIP', { address: range(40) }), { code: 'invalid' });
  t.equal(await asked(outside.router, range(16)), NOBODY, 'allocated is not attached');

  t.match(await attach(agent, first.publicIpId, red), {
    state: 'attached',
    vnicId: red.vnic.vnicId,
    ownAddress: '10.0.0.2',
  });
  await attach(agent, range(20), blue);
  await attach(agent, third.publicIpId, red);
  t.match(await agent.call('getVNICAttributes', { vnicId: red.vnic.vnicId }), {
    publicAddresses: [range(16), range6('107')],
  });
  await t.rejects(attach(agent, first.publicIpId, rust), { code: 'wrong-state' });
  const spare = await agent.call<Attached>('allocatePublicIP');
  await t.rejects(attach(agent, spare.publicIpId, red), { code: 'conflict' }, 'one of each protocol');
  await agent.call('freePublicIP', { publicIpId: spare.publicIpId });
  await t.rejects(agent.call('freePublicIP', { publicIpId: range(16) }), { code: 'wrong-state' });
  t.match(await agent.call('getPublicIPStatus', { publicIpId: second.publicIpId }), {
    state: 'attached',
    vnicId: blue.vnic.vnicId,
  });

  await sees(t, outside.router, range(16), `red ${outside.ipv4}`, 'from outside, with its own address');
  await sees(t, outside.router, range(20), `blue ${outside.ipv4}`, 'the other VNet’s too');
  await sees(t, outside.router, range6('107'), `red ${outside.ipv6}`, 'IPv6');
  await sees(t, red.namespace, outside.ipv4, `router ${range(16)}`, 'seen under the public address');
  await sees(t, red.namespace, outside.beyond, `beyond ${range(16)}`, 'behind the router too');
  await sees(t, red.namespace, outside.ipv6, `router ${range6('107')}`, 'IPv6');
  await sees(t, blue.namespace, range(16), `red ${range(20)}`, 'one VNet from another, in public');
  await sees(t, rust.namespace, range(16), 'red 10.0.0.1', 'a neighbour by the public address');
  t.equal(await asked(rust.namespace, outside.ipv4), NOBODY, 'who has none does not get out');
  t.equal(await asked(rust.namespace, outside.ipv6), NOBODY, 'nor over IPv6');
  t.equal(await asked(blue.namespace, outside.ipv6), NOBODY, 'nor with a public address of the other kind');

  const metadata = (path: string) => red.inside('curl', '-sSf', `http://169.254.169.254/${path}`);
  t.equal(await metadata('latest/meta-data/public-ipv4'), range(16), 'the guest can ask for it');
  t.equal(await metadata('system-data/vnics/0/public-ipv6-address'), range6('107'));
}

async function attacks(t: Test, { agent, outside, red, blue }: Scene): Promise<void> {
  const attempts: [what: string, leak: () => Promise<boolean>][] = [];
  const answered = (what: string, from: string, to: string) =>
    attempts.push([what, async () => (await asked(from, to)) !== NOBODY]);
  await sees(t, outside.router, outside.host, `host ${outside.ipv4}`, 'the host has a service');
  answered('guest: the host’s own service on the provider’s bridge', red.namespace, outside.host);
  await sh('ip', '-n', outside.router, 'address', 'add', '169.254.9.9/32', 'dev', 'lo');
  await echo(t, outside.router, 'linklocal', '169.254.9.9');
  answered('guest: link-local addresses outside', red.namespace, '169.254.9.9');
  const { address } = (await agent.call<Attached[]>('listPublicIP'))[0]!;
  for (const to of ['10.0.0.2', '10.0.0.3', '10.0.0.1', '169.254.169.254']) {
    await sh('ip', '-n', outside.router, 'route', 'add', `${to}/32`, 'via', address, 'dev', 'eth0', 'onlink');
    answered(`outside: ${to} through the leg`, outside.router, to);
    const http = ['netns', 'exec', outside.router, 'curl', '-sS', '--max-time', '2', `http://${to}/`];
    attempts.push([
      `outside: metadata service at ${to}`,
      () =>
        sh('ip', ...http).then(
          () => true,
          () => false,
        ),
    ]);
  }
  await sh(
    'ip',
    '-n',
    outside.router,
    '-6',
    'route',
    'add',
    'fd00:1::/64',
    'via',
    range6('107'),
    'dev',
    'eth0',
  );
  answered('outside: the guest’s own IPv6 address through the leg', outside.router, 'fd00:1::2');
  // An answer could not come back, so the guest itself must tell what it got.
  await sh('ip', '-n', outside.router, 'address', 'add', '10.0.0.77/32', 'dev', 'lo');
  const arrived = await watch(t, red.namespace, 'eth0', 'udp port 8000');
  await said(outside.router, address, '10.0.0.77');
  await sees(t, outside.router, address, `red ${outside.ipv4}`, 'an honest one', said);
  await arrived.seen(outside.ipv4);
  attempts.push([
    'outside: a source from inside the VNet',
    async () => arrived.lines.some((line) => line.includes('10.0.0.77')),
  ]);
  answered('the other VNet: the guest’s own address', blue.namespace, '10.0.0.3');
  await agent.stop();
  await sees(t, outside.router, address, `red ${outside.ipv4}`, 'all without the agent');
  let leaks = 0;
  // Beside each other, for nothing is what they all wait for.
  const outcomes = await Promise.all(attempts.map(async ([what, leak]) => ({ what, leaked: await leak() })));
  for (const { what, leaked } of outcomes) {
    if (leaked) leaks++;
    t.notOk(leaked, what);
  }
  t.comment(`attempts: ${attempts.length}, leaks: ${leaks}`);
  await agent.start();
}

async function moves(t: Test, { agent, outside, red, rust, blue }: Scene): Promise<void> {
  const arp = await watch(t, outside.router, 'eth0', `arp and src host ${range(16)}`);
  await sees(t, outside.router, range(16), `red ${outside.ipv4}`, 'answered', said);
  await detach(agent, range(16));
  t.equal(await asked(outside.router, range(16)), NOBODY, 'detached');
  t.equal(await asked(red.namespace, outside.ipv4), NOBODY, 'and closed');
  await sees(t, outside.router, range6('107'), `red ${outside.ipv6}`, 'the other one stays');
  await attach(agent, range(16), rust);
  await sees(t, outside.router, range(16), `rust ${outside.ipv4}`, 'one conversation, another guest', said);
  await detach(agent, range(16));
  await detach(agent, range(20));
  arp.lines.length = 0;
  await attach(agent, range(16), blue);
  const mac = `0a:69:${blue.vnic.vnetId.slice(5).replaceAll(/(..)(?=.)/g, '$1:')}`;
  t.match(await arp.seen(`${mac} > ff:ff:ff:ff:ff:ff`), `who-has ${range(16)}`, 'gratuitous ARP (RFC 5227)');
  await sees(t, outside.router, range(16), `blue ${outside.ipv4}`, 'now in the other VNet', said);
  await detach(agent, range6('107'));
  const nd = await watch(t, outside.router, 'eth0', `icmp6 and src host ${range6('107')}`);
  await attach(agent, range6('107'), blue);
  t.match(await nd.seen('neighbor advertisement'), '> ff02::1', 'unsolicited neighbour advertisement');
  await sees(t, outside.router, range6('107'), `blue ${outside.ipv6}`, 'answered');
  await attach(agent, range(20), red);
}

async function restored(t: Test, { agent, outside, red }: Scene): Promise<void> {
  const repairs = () => agent.log.split('have been put back').length;
  const back = async (what: string, repaired = 0) => {
    await eventually(`${what}: repaired`, async () => repairs() > repaired);
    await eventually(what, async () => (await asked(outside.router, range(20))) === `red ${outside.ipv4}`);
    t.equal(await asked(red.namespace, outside.host), NOBODY, `${what}: and the host is guarded`);
  };
  const { bridge, namespace } = await agent.call<{ bridge: string; namespace: string }>('getVNetAttributes', {
    vnetId: 'reds',
  });
  const leg = bridge.replace(`${agent.prefix}b`, `${agent.prefix}i`);
  const taken: [what: string, take: () => Promise<unknown>][] = [
    [
      'rules flushed',
      () => sh('nft', 'delete table bridge NAME; delete table inet NAME'.replaceAll('NAME', agent.prefix)),
    ],
    ['the leg deleted', () => sh('ip', 'link', 'delete', leg)],
    ['the leg unplugged', () => sh('ip', 'link', 'set', leg, 'nomaster')],
    ['the namespace deleted', () => sh('ip', 'netns', 'delete', namespace)],
  ];
  for (const [what, take] of taken) {
    const repaired = repairs();
    await take();
    await back(what, repaired);
  }
  t.match(
    await sh('nft', 'list', 'set', 'bridge', agent.prefix, 'ports'),
    leg,
    'the host is guarded from the leg',
  );
  await agent.kill();
  await sh('ip', 'link', 'delete', leg).catch(() => {});
  await agent.start();
  await back('the agent killed, the leg deleted');
}

async function gone(t: Test, { agent, outside, red, rust, blue, before }: Scene): Promise<void> {
  await agent.call('powerOffVServer', { vserverId: 'red' });
  await sees(t, outside.router, range(20), `red ${outside.ipv4}`, 'power does not matter to it');
  for (const vserverId of ['red', 'rust', 'blue']) await agent.call('destroyVServer', { vserverId });
  t.same(
    (await agent.call<Attached[]>('listPublicIP')).map(({ state }) => state),
    Array(3).fill('unattached'),
  );
  t.notOk((await agent.call('getPublicIPAttributes', { publicIpId: range(20) })).ownAddress);
  t.equal(await asked(outside.router, range(20)), NOBODY);
  for (const guest of [red, rust, blue]) await guest.remove();
  for (const vnetId of ['reds', 'blues']) await agent.call('destroyVNet', { vnetId });
  for (const publicIpId of [range(16), range(20), range6('107')])
    await agent.call('freePublicIP', { publicIpId });
  t.same(await agent.call('listPublicIP'), []);
  t.same(await agent.leftovers(), before, 'nothing is left');
}
