// A VNIC's security list: only what it allows passes, with its answers; replaced at once, kept, and shown.
import t from 'tap';
import { type AgentGuest, agentGuest, eventually, type Vnic } from '../helpers/agent-guest.ts';
import { type TestAgent, testAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { succeeds } from '../helpers/network-lab.ts';
import { answerOn, heldConnection, talks } from '../helpers/network-talk.ts';
import { udhcpc } from '../helpers/real-clients.ts';
import { sh } from '../helpers/wires.ts';

const PATIENT = 30;
const BRIEF = 1;
const PORTS = [22, 23, 53];

interface Member extends AgentGuest {
  vnicId: string;
  ipv4: string;
  ipv6: string;
}

async function member(agent: TestAgent, name: string, securityList?: object[]): Promise<Member> {
  const vnics = [{ vnetId: 'lan', ...(securityList ? { securityList } : {}) }];
  await agent.call('createVServer', { name, type: 'tiny', imageId: 'guest', vnics });
  const [vnic] = await agent.call<[Vnic]>('listVNIC', { vserverId: name });
  const guest = await agentGuest(agent, vnic);
  return { ...guest, vnicId: vnic.vnicId, ipv4: vnic.ipv4Address!, ipv6: vnic.ipv6Address! };
}

t.test('what a list allows passes with its answers, and nothing else does', async (t) => {
  const agent = await testAgent(t, { libvirtUri: 'test:///default' });
  await registeredImage(agent);
  await agent.call('createVNet', { name: 'lan', ipv4Subnet: '10.0.0.0/24', ipv6Subnet: 'fd12:1::/64' });
  const list = [
    { direction: 'in', protocol: 'tcp', fromPort: 22 },
    { direction: 'out', protocol: 'udp', fromPort: 50, toPort: 60, remote: '10.0.0.0/24' },
  ];
  const alice = await member(agent, 'alice', list);
  const bob = await member(agent, 'bob');
  for (const { remove } of [alice, bob]) t.teardown(remove);
  const client = udhcpc(alice.namespace, t.testdir());
  t.teardown(client.stop);
  await eventually(`an address by DHCP: ${client.said()}`, async () =>
    (await alice.inside('ip', 'address', 'show', 'eth0')).includes(alice.ipv4),
  );
  t.pass('DHCP is not a matter of lists');
  await bob.inside('ip', 'address', 'add', `${bob.ipv4}/24`, 'dev', 'eth0');
  for (const { inside, ipv6 } of [alice, bob])
    await inside('ip', 'address', 'add', `${ipv6}/64`, 'dev', 'eth0', 'nodad');
  await alice.inside('ip', 'route', 'replace', 'default', 'via', '10.0.0.1');
  t.ok(
    await succeeds(
      alice.namespace,
      'curl',
      '-sf',
      '-m',
      '30',
      'http://169.254.169.254/system-data/vserver-id',
    ),
    'nor is the configuration service',
  );
  for (const { namespace } of [alice, bob]) await answerOn(t, namespace, PORTS);
  const toAlice = (protocol: 'tcp' | 'udp', port: number, seconds: number, address = alice.ipv4) =>
    talks(bob.namespace, protocol, address, port, seconds);
  const toBob = (protocol: 'tcp' | 'udp', port: number, seconds: number, address = bob.ipv4) =>
    talks(alice.namespace, protocol, address, port, seconds);
  const ping = ({ namespace }: Member, address: string, seconds: number) =>
    succeeds(namespace, 'ping', '-n', '-c', '1', '-W', String(seconds), address);

  t.ok(await toAlice('tcp', 22, PATIENT), 'in: an allowed port');
  t.ok(await toAlice('tcp', 22, PATIENT, alice.ipv6), 'of both protocols where no address is said');
  t.notOk(await toAlice('tcp', 23, BRIEF), 'in: another port');
  t.notOk(await toAlice('udp', 22, BRIEF), 'in: another protocol');
  t.ok(await toBob('udp', 53, PATIENT), 'out: an allowed port, and the answer');
  t.notOk(await toBob('udp', 53, BRIEF, bob.ipv6), 'out: not to another address');
  t.notOk(await toBob('tcp', 22, BRIEF), 'out: a connection of its own');
  t.notOk(await ping(alice, bob.ipv4, BRIEF), 'no echo out');
  t.notOk(await ping(bob, alice.ipv4, BRIEF), 'nor in');
  t.match(await agent.call('getVNICAttributes', { vnicId: alice.vnicId }), { securityList: list });
  const { findings } = await agent.call<{ findings: { text: string }[] }>('explainVNIC', {
    vnicId: alice.vnicId,
  });
  const said = findings.map(({ text }) => text).join('\n');
  t.match(said, /frames were dropped: they were not allowed by its security list/);

  const held = await heldConnection(t, bob.namespace, alice.ipv4, 22);
  t.ok(await held(PATIENT), 'a connection is open');
  const update = (securityList: object[] | null) =>
    agent.call('updateVNIC', { vnicId: alice.vnicId, securityList });
  await t.rejects(update([{ direction: 'in', protocol: 'icmp', fromPort: 5 }]), { code: 'invalid' });
  await t.rejects(update([{ direction: 'in', protocol: 'tcp', remote: '10.0.0.0/24; drop' }]), {
    code: 'invalid',
  });
  t.ok(await held(PATIENT), 'a list that is refused changes nothing');
  await update([]);
  t.notOk(await held(BRIEF), 'a connection that the new list does not allow has ended');
  await update([{ direction: 'out', protocol: 'any' }]);
  t.ok(await toBob('tcp', 22, PATIENT), 'out: everything');
  t.ok(await toBob('tcp', 22, PATIENT, bob.ipv6));
  t.ok(await ping(alice, bob.ipv4, PATIENT), 'echo out, and the reply in');
  t.ok(await ping(alice, bob.ipv6, PATIENT));
  t.notOk(await ping(bob, alice.ipv4, BRIEF), 'but no echo in');
  t.notOk(await toAlice('tcp', 22, BRIEF), 'nor a connection');

  const later = await heldConnection(t, alice.namespace, bob.ipv4, 22);
  await sh('nft', 'delete', 'table', 'bridge', agent.prefix);
  await eventually('the rules are put back', async () => agent.log.includes('have been put back'));
  t.notOk(await toAlice('tcp', 22, BRIEF), 'the list is restored with the rules');
  t.ok(await later(PATIENT), 'and what it allows goes on');
  await agent.kill();
  t.notOk(await toAlice('tcp', 22, BRIEF), 'it holds without the agent');
  t.ok(await later(PATIENT));
  await agent.start();
  t.ok(await later(PATIENT), 'an agent that starts ends no connection');

  await update(null);
  t.notOk(
    (await agent.call<Vnic & { securityList?: object }>('getVNICAttributes', { vnicId: alice.vnicId }))
      .securityList,
  );
  t.ok(await toAlice('tcp', 23, PATIENT), 'without a list everything passes');
  t.ok(await ping(bob, alice.ipv6, PATIENT));
  const table = await sh('nft', 'list', 'table', 'bridge', agent.prefix);
  t.notMatch(table, `flows4-${alice.port}`, 'and nothing of it is left');
});
