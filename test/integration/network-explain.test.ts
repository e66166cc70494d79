// An agent says in plain words why a guest has no address, and puts back rules that others took away.
import t from 'tap';
import { agentGuest, eventually, type Vnic } from '../helpers/agent-guest.ts';
import { testAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { udhcpc } from '../helpers/real-clients.ts';
import { sh } from '../helpers/wires.ts';

interface Explanation {
  verdict: string;
  findings: { level: string; about: string; text: string }[];
}

t.test('why a guest has no address, step by step until it has one', async (t) => {
  const agent = await testAgent(t, { libvirtUri: 'test:///default', config: { reconcile_seconds: 3600 } });
  await registeredImage(agent);
  const { vnetId } = await agent.call<{ vnetId: string }>('createVNet', {
    name: 'lan',
    ipv4Subnet: '10.0.0.0/24',
  });
  const { vserverId } = await agent.call<{ vserverId: string }>('createVServer', {
    name: 'one',
    type: 'tiny',
    imageId: 'guest',
    vnics: [{ vnetId: 'lan' }],
    boot: false,
  });
  const [nic] = await agent.call<[Vnic]>('listVNIC', {});
  const { vnicId, mac, device } = nic;
  const explain = () => agent.call<Explanation>('explainVNIC', { vnicId });
  const verdict = async () => (await explain()).verdict;

  t.equal(await verdict(), 'VServer one is inactive: a guest that is off asks for nothing.');
  await agent.call('startVServer', { vserverId });
  t.equal(await verdict(), `No link: there is no device ${device} on this host.`);

  const guest = await agentGuest(agent, nic);
  t.teardown(guest.remove);
  // The kernel of the guest may have spoken IPv6 by now; without an IPv6 address on the VNIC that is dropped.
  t.match(await verdict(), /not sent a single frame|No DHCP request has been seen/);
  await guest.inside('ping', '-c', '1', '-W', '1', '-6', 'ff02::1%eth0').catch(() => '');
  t.equal(
    await verdict(),
    'No DHCP request has been seen: the guest does not ask, or its requests are dropped.',
  );

  await guest.inside('ip', 'link', 'set', 'eth0', 'address', '52:54:00:00:00:99');
  const stray = udhcpc(guest.namespace, t.testdir());
  const dropped = async () =>
    (await explain()).findings.some(({ text }) => /had another source MAC/.test(text));
  await eventually('a frame with a wrong MAC is counted', dropped);
  await stray.stop();
  t.match(await verdict(), /No DHCP request/, 'requests from another MAC are dropped, and it is said so');

  await guest.inside('ip', 'link', 'set', 'eth0', 'address', mac);
  await sh('ip', 'link', 'set', device, 'nomaster');
  t.match(await verdict(), `${device} is not a port of`);
  await sh('ip', 'link', 'set', device, 'master', `${agent.prefix}b${vnetId.slice(-8)}`);

  const client = udhcpc(guest.namespace, t.testdir());
  t.teardown(client.stop);
  await eventually(client.said(), async () => /^10\.0\.0\.2 was acknowledged/.test(await verdict()));
  t.match(await agent.call('explainVNet', { vnetId }), [
    { vnicId, ipv4Address: '10.0.0.2', verdict: /acknowledged/ },
  ]);

  const table = ['table', 'bridge', agent.prefix];
  const rules = async () => (await sh('nft', 'list', ...table).catch(() => '')).includes(`from-${device}`);
  t.ok(await rules(), 'the rules are there');
  // As `systemctl restart nftables` does, without touching what is not ours.
  await sh('nft', 'delete', ...table);
  await eventually('the rules are back', rules, 30_000);
  t.pass('deleted rules are put back when it happens, not minutes later');
  await eventually('it is said', async () => agent.log.includes('have been put back'));
  await client.stop();
  await guest.remove();
  await agent.call('destroyVServer', { vserverId });
  await agent.call('destroyVNet', { vnetId });
  t.same(
    (await agent.leftovers()).filter((name) => !name.startsWith('/')),
    [],
    'nothing is left',
  );
});
