// A VNet on VXLAN over two hosts, each a network namespace with an agent of its own: guests meet, hosts do not interfere.
import t, { type Test } from 'tap';
import { eventually, type Vnic } from '../helpers/agent-guest.ts';
import { preparedAgent, type TestAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { succeeds } from '../helpers/network-lab.ts';
import { udhcpc } from '../helpers/real-clients.ts';
import { sh } from '../helpers/wires.ts';

const SUBNET = { ipv4Subnet: '10.0.0.0/24' };

interface HostPlace {
  agent: TestAgent;
  /** Towards the other host. */
  address: string;
  inside(...command: string[]): Promise<string>;
}

interface Guest {
  namespace: string;
  vserverId: string;
  address: string;
}

/** A network namespace in the place of a host, with an agent; `wire` is its only way to the other. */
async function makeHost(t: Test, number: number): Promise<HostPlace & { namespace: string }> {
  const namespace = `ikt${process.pid}-host${number}`;
  const agent = await preparedAgent(t, { libvirtUri: 'test:///default', networkNamespace: namespace });
  await sh('ip', 'netns', 'add', namespace);
  t.teardown(() => sh('ip', 'netns', 'delete', namespace));
  const inside = (...command: string[]) => sh('nsenter', `--net=/run/netns/${namespace}`, ...command);
  return { agent, namespace, address: `192.0.2.${number}`, inside };
}

async function twoHosts(t: Test): Promise<[HostPlace, HostPlace]> {
  const [one, two] = [await makeHost(t, 1), await makeHost(t, 2)];
  const ends = ['netns', one.namespace, 'type', 'veth', 'peer', 'name', 'wire', 'netns', two.namespace];
  await sh('ip', 'link', 'add', 'name', 'wire', ...ends);
  for (const { address, inside } of [one, two]) {
    await inside('ip', 'link', 'set', 'lo', 'up');
    await inside('ip', 'address', 'add', `${address}/24`, 'dev', 'wire');
    await inside('ip', 'link', 'set', 'wire', 'up');
  }
  for (const { agent } of [one, two]) {
    await agent.start();
    await registeredImage(agent);
  }
  return [one, two];
}

/** A VServer with a namespace in the place of its machine, and its address by DHCP. */
async function makeGuest(t: Test, host: HostPlace, vnet: string, address: string): Promise<Guest> {
  const { agent, inside } = host;
  const vnics = [{ vnetId: vnet, ipv4Address: address }];
  const request = { name: `on-${vnet}`, type: 'tiny', imageId: 'guest', vnics };
  const { vserverId } = await agent.call<{ vserverId: string }>('createVServer', request);
  const [nic] = await agent.call<[Vnic]>('listVNIC', { vserverId });
  const { bridge } = await agent.call<{ bridge: string }>('getVNetAttributes', { vnetId: vnet });
  const namespace = `${agent.prefix}g-${vnet}`;
  await sh('ip', 'netns', 'add', namespace);
  t.teardown(() => sh('ip', 'netns', 'delete', namespace));
  const peer = ['peer', 'name', 'eth0', 'address', nic.mac, 'netns', namespace];
  await inside('ip', 'link', 'add', 'name', nic.device, 'type', 'veth', ...peer);
  await inside('ip', 'link', 'set', nic.device, 'master', bridge, 'up');
  await sh('ip', '-n', namespace, 'link', 'set', 'eth0', 'mtu', '1400', 'up');
  const client = udhcpc(namespace, t.testdir());
  t.teardown(client.stop);
  const explain = () => agent.call<{ verdict: string }>('explainVNIC', { vnicId: nic.vnicId });
  await eventually(`${address} by DHCP: ${client.said()}`, async () =>
    (await explain()).verdict.startsWith(`${address} was acknowledged`),
  );
  const has = async () => (await sh('ip', '-n', namespace, 'address', 'show', 'eth0')).includes(address);
  await eventually(`${address} is set`, has);
  await sh('ip', '-n', namespace, 'route', 'add', 'default', 'via', '10.0.0.1');
  return { namespace, vserverId, address };
}

const reaches = ({ namespace }: Guest, { address }: Guest) =>
  succeeds(namespace, 'ping', '-n', '-c', '1', '-W', '1', address);

/** DHCP messages that an agent has had of anybody. */
async function dhcpMessages({ agent }: HostPlace): Promise<number> {
  const lines = (await agent.client.text('/metrics')).matchAll(
    /^innkeeper_dhcp4_messages_total\{.*\} (\d+)$/gm,
  );
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

t.test(
  'a VNet over two hosts, by peers that the control plane changes, and by an EVPN speaker',
  async (t) => {
    const [one, two] = await twoHosts(t);
    const transport = (local: string, vni: number, peers: string[] | 'evpn') => ({
      transport: { type: 'vxlan', vni, local, peers },
    });
    for (const { agent, address } of [one, two]) {
      const { mtu } = await agent.call('createVNet', {
        name: 'lan',
        ...SUBNET,
        ...transport(address, 42, []),
      });
      t.equal(mtu, 1450, 'there is room for what VXLAN puts around a packet');
      await t.rejects(agent.call('createVNet', { name: 'thief', ...transport(address, 42, []) }), {
        code: 'conflict',
        message: /VNet lan has VXLAN 42 on UDP port 4789 already/,
      });
    }
    const update = (host: HostPlace, peers: string[]) =>
      host.agent.call<{ transport: unknown }>('updateVNet', { vnetId: 'lan', peers });
    await update(one, [two.address]);
    await update(two, [one.address]);

    const first = await makeGuest(t, one, 'lan', '10.0.0.11');
    t.equal(await dhcpMessages(two), 0, 'its requests did not reach the agent of the other host');
    const second = await makeGuest(t, two, 'lan', '10.0.0.12');
    for (const { namespace, vserverId } of [first, second]) {
      const url = 'http://169.254.169.254/system-data/vserver-id';
      const told = await sh('ip', 'netns', 'exec', namespace, 'curl', '-sf', '-m', '20', url);
      t.equal(told.trim(), vserverId, 'each has its configuration from its own agent');
    }
    await eventually('guests of two hosts reach each other', () => reaches(first, second));
    t.ok(await reaches(second, first), 'both ways');

    await update(one, []);
    t.match(await update(two, []), { transport: { peers: [] } });
    t.notOk(await reaches(first, second), 'without peers they are apart, whatever was learnt before');
    await update(one, [two.address]);
    await update(two, [one.address]);
    await eventually('and together again', () => reaches(second, first));
    await t.rejects(update(one, ['nonsense']), { code: 'invalid' });

    for (const { agent, address } of [one, two]) {
      const made = await agent.call<{ vnetId: string }>('createVNet', {
        ...{ name: 'learnt', ...SUBNET, ...transport(address, 43, 'evpn') },
      });
      await t.rejects(agent.call('updateVNet', { vnetId: made.vnetId, peers: [] }), { code: 'unsupported' });
    }
    const third = await makeGuest(t, one, 'learnt', '10.0.0.11');
    const fourth = await makeGuest(t, two, 'learnt', '10.0.0.12');
    t.notOk(await reaches(third, fourth), 'a device that nobody has told of another host reaches none');
    // What a speaker does with what it learns from others: no more than this.
    const uplinks = [];
    for (const [host, other] of [
      [one, two],
      [two, one],
    ] as const) {
      const { vnetId } = await host.agent.call<{ vnetId: string }>('getVNetAttributes', { vnetId: 'learnt' });
      const uplink = `${host.agent.prefix}u${vnetId.slice(-8)}`;
      const [link] = JSON.parse(await host.inside('ip', '-d', '-j', 'link', 'show', uplink));
      t.equal(link.linkinfo.info_data.learning, false, 'the device does not learn from frames');
      const flood = ['00:00:00:00:00:00', 'dev', uplink, 'dst', other.address, 'self', 'permanent'];
      await host.inside('bridge', 'fdb', 'append', ...flood);
      uplinks.push(uplink);
    }
    await eventually('told by a speaker, they reach each other', () => reaches(third, fourth));
    await one.agent.kill();
    t.ok(await reaches(first, second), 'a VNet goes on without the agent');
    await one.agent.start();
    const left = await one.inside('bridge', 'fdb', 'show', 'dev', uplinks[0]!);
    t.match(left, `dst ${two.address}`, 'an agent that starts leaves what the speaker said');
    t.ok(await reaches(third, fourth));
  },
);
