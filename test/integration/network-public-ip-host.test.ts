// PublicIPs on a single machine: the agent makes the bridge itself, and the host is its router.
import t from 'tap';
import { checkConfig } from '../../agent/config/config.ts';
import { network } from '../../agent/doctor/network.ts';
import { hostSenses } from '../../agent/doctor/senses.ts';
import { type AgentGuest, agentGuest, eventually, type Vnic } from '../helpers/agent-guest.ts';
import { preparedAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { answer, asked, echo, NOBODY, provider } from '../helpers/provider.ts';
import { sh } from '../helpers/wires.ts';

/** Ranges of this process alone: tests run beside each other on one host. */
const own = process.pid % 250;
const HOST = `198.18.${own}.129`;
const OUTSIDE = `198.18.${own}.130`;
const first = `198.18.${own}.194`;

t.test('without a provider’s bridge, public addresses are behind the host', async (t) => {
  const agent = await preparedAgent(t, { libvirtUri: 'test:///default' });
  const [outside, device, bridge] = [`${agent.prefix}g-outside`, `${agent.prefix}p0`, `${agent.prefix}inet`];
  t.teardown(async () => {
    await sh('ip', 'link', 'delete', device).catch(() => {});
    await sh('ip', 'netns', 'delete', outside).catch(() => {});
  });
  await sh('ip', 'netns', 'add', outside);
  await sh('ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', outside);
  await sh('ip', 'address', 'add', `${HOST}/26`, 'dev', device);
  await sh('ip', 'link', 'set', device, 'up');
  await sh('ip', '-n', outside, 'address', 'add', `${OUTSIDE}/26`, 'dev', 'eth0');
  await sh('ip', '-n', outside, 'link', 'set', 'eth0', 'up');
  await sh('ip', '-n', outside, 'route', 'add', `198.18.${own}.192/26`, 'via', HOST);
  await echo(t, outside, 'outside', OUTSIDE);
  await echo(t, undefined, 'host', HOST);

  agent.configure({ inet: { ipv4_ranges: [`198.18.${own}.192/26`] } });
  await agent.start();
  await registeredImage(agent);
  const before = await agent.leftovers();
  await agent.call('createVNet', { name: 'lan', ipv4Subnet: '10.0.0.0/24' });
  const vserver = { name: 'one', type: 'tiny', imageId: 'guest', vnics: [{ vnetId: 'lan' }], boot: false };
  await agent.call('createVServer', vserver);
  const [vnic] = await agent.call<[Vnic]>('listVNIC', { vserverId: 'one' });
  t.match(await agent.call('allocatePublicIP'), { address: first }, 'the host itself has the first one');
  await agent.call('attachPublicIP', { publicIpId: first, vnicId: vnic.vnicId });
  const guest = await agentGuest(agent, vnic);
  t.teardown(guest.remove);
  await guest.inside('ip', 'address', 'add', '10.0.0.2/24', 'dev', 'eth0');
  await guest.inside('ip', 'route', 'add', 'default', 'via', '10.0.0.1');
  await echo(t, guest.namespace, 'one', '10.0.0.2');

  const gateway = `198.18.${own}.193`;
  t.equal(await answer(undefined, first, `one ${gateway}`), `one ${gateway}`, 'the host reaches it');
  t.equal(
    await answer(outside, first, `one ${OUTSIDE}`),
    `one ${OUTSIDE}`,
    'and who has a route by the host',
  );
  t.equal(await answer(guest.namespace, OUTSIDE, `outside ${HOST}`), `outside ${HOST}`, 'seen as the host');
  t.equal(await asked(guest.namespace, HOST), NOBODY, 'the host itself is not outside');
  await echo(t, undefined, 'gateway', gateway);
  t.equal(await asked(guest.namespace, gateway), NOBODY, 'nor as the router');

  await agent.kill();
  await sh('ip', 'link', 'delete', bridge);
  await agent.start();
  t.equal(await answer(undefined, first, `one ${gateway}`), `one ${gateway}`, 'restored with its bridge');
  await agent.call('destroyVServer', { vserverId: 'one' });
  t.notOk((await sh('ip', '-br', 'link')).includes(bridge), 'the bridge goes with the last address');
  await guest.remove();
  await agent.call('freePublicIP', { publicIpId: first });
  await agent.call('destroyVNet', { vnetId: 'lan' });
  t.same(await agent.leftovers(), before, 'nothing is left');
});

t.test('a provider’s bridge that is not there is named, and holds nothing else up', async (t) => {
  const agent = await preparedAgent(t, { libvirtUri: 'test:///default' });
  const bridge = `${agent.prefix}pbr`;
  const make = () => sh('ip', 'link', 'add', bridge, 'type', 'bridge');
  t.teardown(() => sh('ip', 'link', 'delete', bridge).catch(() => ''));
  const inet = { bridge, ipv4_ranges: ['203.0.113.0/24'], ipv4_gateway: '203.0.113.1' };
  agent.configure({ reconcile_seconds: 5, inet });
  await agent.start();
  await registeredImage(agent);
  await agent.call('createVNet', { name: 'lan', ipv4Subnet: '10.0.0.0/24' });
  const vserver = { name: 'one', type: 'tiny', imageId: 'guest', vnics: [{ vnetId: 'lan' }], boot: false };
  await agent.call('createVServer', vserver);
  const [{ vnicId, vnetId }] = await agent.call<[Vnic]>('listVNIC', { vserverId: 'one' });
  const { address } = await agent.call<{ address: string }>('allocatePublicIP');
  const pair = { publicIpId: address, vnicId };
  await t.rejects(agent.call('attachPublicIP', pair), { code: 'not-found', message: new RegExp(bridge) });
  t.match(await agent.call('listPublicIP'), [{ state: 'unattached' }], 'taken back');
  const context = {
    config: checkConfig({ prefix: agent.prefix, inet }),
    agent: { call: (method: string) => agent.call<unknown>(method), text: async () => '' },
    senses: hostSenses,
  };
  t.match(
    await network.run(context),
    [{ code: 'inet-bridge-missing', level: 'fault' }],
    'the doctor says so',
  );
  await make();
  t.match(await network.run(context), [{ level: 'ok' }]);
  await agent.call('attachPublicIP', pair);

  await agent.stop();
  await sh('ip', 'link', 'delete', bridge);
  await agent.start();
  await make();
  const leg = vnetId.replace('vnet-', `${agent.prefix}i`);
  await eventually('the leg is in it again', async () =>
    (await sh('ip', 'link', 'show', leg)).includes(`master ${bridge}`),
  );
});

t.test('a VNet with a way out may have public addresses as well', async (t) => {
  const agent = await preparedAgent(t, { libvirtUri: 'test:///default' });
  const outside = await provider(t, agent.prefix, own);
  const inet = {
    bridge: outside.bridge,
    ipv4_ranges: [`198.19.${own}.16/28`],
    ipv4_gateway: outside.ipv4,
  };
  agent.configure({ inet, network: { transit_range: `100.126.${own}.0/24` } });
  await agent.start();
  await registeredImage(agent);
  await agent.call('createVNet', { name: 'lan', ipv4Subnet: '10.0.0.0/24', outbound: true });
  const guests: AgentGuest[] = [];
  for (const [name, last] of [
    ['known', 2],
    ['plain', 3],
  ] as const) {
    const at = { vnetId: 'lan', ipv4Address: `10.0.0.${last}` };
    await agent.call('createVServer', { name, type: 'tiny', imageId: 'guest', vnics: [at], boot: false });
    const [vnic] = await agent.call<[Vnic]>('listVNIC', { vserverId: name });
    const guest = await agentGuest(agent, vnic);
    t.teardown(guest.remove);
    await guest.inside('ip', 'address', 'add', `10.0.0.${last}/24`, 'dev', 'eth0');
    await guest.inside('ip', 'route', 'add', 'default', 'via', '10.0.0.1');
    await echo(t, guest.namespace, name, `10.0.0.${last}`);
    guests.push(guest);
  }
  const [known, plain] = guests as [AgentGuest, AgentGuest];
  const [{ vnicId }] = await agent.call<[Vnic]>('listVNIC', { vserverId: 'known' });
  const { address } = await agent.call<{ address: string }>('allocatePublicIP');
  const seenAs = async (guest: AgentGuest, as: string, what: string) =>
    t.equal(await answer(guest.namespace, outside.ipv4, `router ${as}`), `router ${as}`, what);
  await seenAs(known, outside.host, 'out by the host at first');
  await agent.call('attachPublicIP', { publicIpId: address, vnicId });
  await seenAs(known, address, 'under its own address once it has one');
  await seenAs(plain, outside.host, 'the other one by the host still');
  t.equal(await answer(outside.router, address, `known ${outside.ipv4}`), `known ${outside.ipv4}`, 'and in');
  const inner = [known.namespace, '10.0.0.3', 'plain 10.0.0.2'] as const;
  t.equal(await answer(...inner), inner[2], 'neighbours are neighbours');
  for (const guest of guests) t.equal(await asked(guest.namespace, outside.host), NOBODY, 'never the host');
  await agent.call('detachPublicIP', { publicIpId: address });
  await seenAs(known, outside.host, 'by the host again');
  t.equal(await asked(outside.router, address), NOBODY);
});

t.test('a host without [inet] says so', async (t) => {
  const agent = await preparedAgent(t, { libvirtUri: 'test:///default' });
  await agent.start();
  await t.rejects(agent.call('allocatePublicIP'), { code: 'unsupported' });
  t.same(await agent.call('listPublicIP'), []);
});
