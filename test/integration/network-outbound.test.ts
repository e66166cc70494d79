// A VNet with a way out: guests reach the outside under the host's address, and nothing else by it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { type AgentGuest, agentGuest, type Vnic } from '../helpers/agent-guest.ts';
import { type TestAgent, testAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { sh } from '../helpers/wires.ts';

/** Ranges of this process alone: tests run beside each other on one host. */
const own = process.pid % 250;
const HOST = `198.18.${own}.1`;
const OUTSIDE = `198.18.${own}.2`;

/** Tells everyone who connects from which address they came. */
const ECHO = `
import socket, sys
server = socket.create_server((sys.argv[1], 8000))
print("ready", flush=True)
while True:
    client, (address, port) = server.accept()
    client.recv(4096)
    client.sendall(("HTTP/1.0 200 OK\\r\\n\\r\\n" + address).encode())
    client.close()
`;

async function echo(t: Test, namespace: string | undefined, address: string): Promise<void> {
  const inside = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace];
  const command = [...inside, 'python3', '-c', ECHO, address];
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(async () => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  await once(child.stdout, 'data');
}

/** A provider's network: a namespace on the other side of the host. */
async function provider(t: Test, agent: TestAgent): Promise<void> {
  const namespace = `${agent.prefix}g-outside`;
  const device = `${agent.prefix}p0`;
  t.teardown(async () => {
    await sh('ip', 'link', 'delete', device).catch(() => {});
    await sh('ip', 'netns', 'delete', namespace).catch(() => {});
  });
  await sh('ip', 'netns', 'add', namespace);
  await sh('ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
  await sh('ip', 'address', 'add', `${HOST}/24`, 'dev', device);
  await sh('ip', 'link', 'set', device, 'up');
  await sh('ip', '-n', namespace, 'address', 'add', `${OUTSIDE}/24`, 'dev', 'eth0');
  await sh('ip', '-n', namespace, 'link', 'set', 'eth0', 'up');
  await sh('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
  await echo(t, namespace, OUTSIDE);
  await echo(t, undefined, HOST);
}

/** The address this guest is seen under, or why it is not seen. */
function seenAt(guest: AgentGuest, address: string): Promise<string> {
  const ask = ['curl', '-sS', '--max-time', '4', `http://${address}:8000/`];
  return guest.inside(...ask).catch(() => 'nobody answers');
}

t.test('guests of two VNets with one subnet reach the outside, and not each other or the host', async (t) => {
  const agent = await testAgent(t, {
    libvirtUri: 'test:///default',
    config: { network: { transit_range: `100.127.${own}.0/24` } },
  });
  await provider(t, agent);
  await registeredImage(agent);
  const before = await agent.leftovers();
  const guests: AgentGuest[] = [];
  for (const [name, outbound] of [
    ['red', true],
    ['blue', true],
    ['closed', false],
  ] as const) {
    const vnet = { name, ipv4Subnet: '10.0.0.0/24', outbound };
    t.match(await agent.call('createVNet', vnet), { outbound }, `${name}: outbound is ${outbound}`);
    const vserver = { name, type: 'tiny', imageId: 'guest', vnics: [{ vnetId: name }] };
    await agent.call('createVServer', vserver);
    const [vnic] = await agent.call<[Vnic]>('listVNIC', { vserverId: name });
    const guest = await agentGuest(agent, vnic);
    t.teardown(guest.remove);
    await guest.inside('ip', 'address', 'add', '10.0.0.2/24', 'dev', 'eth0');
    await guest.inside('ip', 'route', 'add', 'default', 'via', '10.0.0.1');
    guests.push(guest);
  }
  const [red, blue, closed] = guests as [AgentGuest, AgentGuest, AgentGuest];
  t.equal(await seenAt(red, OUTSIDE), HOST, 'seen under the address of the host');
  t.equal(await seenAt(blue, OUTSIDE), HOST, 'the other one with the same address too');
  t.equal(await seenAt(closed, OUTSIDE), 'nobody answers', 'a VNet has no way out unless asked for');

  await echo(t, blue.namespace, '10.0.0.2');
  t.equal(await seenAt(red, HOST), 'nobody answers', 'the host itself is not outside');
  t.equal(await seenAt(red, `100.127.${own}.0`), 'nobody answers', 'nor its end of the way out');
  await sh('ip', 'route', 'add', '10.0.0.2/32', 'via', `100.127.${own}.3`);
  t.teardown(() => sh('ip', 'route', 'del', '10.0.0.2/32').catch(() => ''));
  t.equal(await seenAt(red, `100.127.${own}.3`), 'nobody answers', 'nor another VNet’s');
  const fromOutside = [
    'netns',
    'exec',
    `${agent.prefix}g-outside`,
    'curl',
    '-sS',
    '--max-time',
    '4',
    'http://10.0.0.2:8000/',
  ];
  await sh('ip', '-n', `${agent.prefix}g-outside`, 'route', 'add', '10.0.0.2/32', 'via', HOST);
  await t.rejects(sh('ip', ...fromOutside), 'nobody gets in from the outside, even with a route');

  await agent.stop();
  t.equal(await seenAt(red, OUTSIDE), HOST, 'the way out holds while no agent runs');
  await agent.start();
  t.equal(await seenAt(blue, OUTSIDE), HOST, 'and when it runs again');

  for (const guest of guests) await guest.remove();
  for (const name of ['red', 'blue', 'closed']) {
    await agent.call('destroyVServer', { vserverId: name });
    await agent.call('destroyVNet', { vnetId: name });
  }
  t.same(await agent.leftovers(), before, 'nothing is left');
});
