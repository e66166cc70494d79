// What a reboot of the host takes with it, taken away: who was running and asks for it comes back, with its network.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import t from 'tap';
import { type TestAgent, testAgent } from '../helpers/agent-process.ts';
import { bootedGuest, registeredImage } from '../helpers/guest-console.ts';
import { statusWhen } from '../helpers/waiting.ts';

const run = promisify(execFile);
const WANTED = { type: 'tiny', imageId: 'guest', vnics: [{ vnetId: 'net' }] };

/** Machines, network and rules are gone, and the kernel has another boot id. Definitions and files stay. */
async function reboot(agent: TestAgent, machines: string[]): Promise<void> {
  await agent.kill();
  for (const name of machines) await run('virsh', ['destroy', `${agent.prefix}-${name}`]);
  for (const thing of await agent.leftovers()) {
    if (/^table/.test(thing)) await run('nft', ['delete', ...thing.split(' ')]);
    else if (thing.startsWith(`${agent.prefix}b`)) await run('ip', ['link', 'del', thing]);
    else if (/^\w+-[0-9a-f]{8}$/.test(thing)) await run('ip', ['netns', 'del', thing]);
  }
  const inventory = new DatabaseSync(join(agent.stateDir, 'inventory.db'));
  const { changes } = inventory.prepare("UPDATE meta SET value = 'another' WHERE key = 'boot-id'").run();
  inventory.close();
  if (changes !== 1) throw new Error('the inventory has no boot id');
}

/** What is on the host whether or not a machine runs: machines that are off have neither a process nor a tap. */
async function lasting(agent: TestAgent): Promise<string[]> {
  const tap = `${agent.prefix}t`;
  return (await agent.leftovers()).filter((thing) => !/^process of/.test(thing) && !thing.startsWith(tap));
}

interface StateEvent {
  type: string;
  ids: { vserver?: string };
  data: { state?: string; reason?: string };
}

/** What the events of a VServer say of its state, one after the other. */
async function reasons(agent: TestAgent, vserverId: string): Promise<string[]> {
  const found: string[] = [];
  for await (const event of await agent.client.stream('/v1/events')) {
    const { type, ids, data } = event as StateEvent;
    if (type === 'vserver.state' && ids.vserver === vserverId) found.push(`${data.state}: ${data.reason}`);
  }
  return found;
}

t.test('after a reboot of the host VServers come back that ran and ask for it, and no others', async (t) => {
  const agent = await testAgent(t);
  await registeredImage(agent);
  await agent.call('createVNet', { name: 'net', ipv4Subnet: '10.9.4.0/24' });
  const create = async (name: string, more: object) =>
    (await agent.call<{ vserverId: string }>('createVServer', { ...WANTED, name, ...more })).vserverId;
  const back = await create('back', {});
  const rest = await create('rest', { autostart: false });
  const off = await create('off', {});
  await agent.call('powerOffVServer', { vserverId: off });
  const before = await lasting(agent);

  await reboot(agent, [back, rest]);
  t.notSame(await lasting(agent), before, 'much is gone');
  await agent.start();

  await statusWhen(agent, 'back', ({ state }) => state === 'running');
  await bootedGuest(agent, 'back');
  t.pass('its guest boots');
  t.match(await agent.call('getVServerStatus', { vserverId: rest }), { state: 'inactive', power: 'on' });
  t.match(await agent.call('getVServerStatus', { vserverId: off }), { state: 'inactive', power: 'off' });
  t.same(await lasting(agent), before, 'the host has everything again');
  const gone = 'inactive: the host was rebooted';
  t.equal((await reasons(agent, rest)).at(-1), gone, 'the events say why');
  const told = await reasons(agent, back);
  const ran = told.findIndex((line) => line.startsWith('running: '));
  t.match(told.slice(ran + 1), [gone, /^inactive: asked for/, /^running: /], 'once, and nothing else');
});
