// Every verb of a VServer, and every way a guest can end, on a real guest: the right state, and one event that says why.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import t from 'tap';
import { type TestAgent, testAgent } from '../helpers/agent-process.ts';
import { bootedGuest, registeredImage, typed } from '../helpers/guest-console.ts';
import { eventsOf, type Status, statusWhen } from '../helpers/waiting.ts';

const run = promisify(execFile);

/** Does something that ends the guest, and returns the status and the events of state that followed. */
async function ending(agent: TestAgent, act: () => Promise<unknown>) {
  const before = (await eventsOf(agent)).at(-1)?.seq ?? 0;
  await act();
  const status = await statusWhen(agent, 'one', ({ state }) => state === 'inactive');
  const told = (await eventsOf(agent, before)).filter(
    ({ type, data }) => type === 'vserver.state' && data.state === 'inactive',
  );
  return { status, told };
}

const status = (agent: TestAgent) => agent.call<Status>('getVServerStatus', { vserverId: 'one' });

t.test('a VServer through all its verbs and all its endings', async (t) => {
  const agent = await testAgent(t, {
    config: {
      vserver_type: [
        { name: 'tiny', vcpus: 1, memory_mib: 96 },
        { name: 'larger', vcpus: 1, memory_mib: 128 },
      ],
    },
  });
  await registeredImage(agent);
  const reserved = async () =>
    (await agent.call<{ memory: { reserved: number } }>('getCapacity')).memory.reserved;
  const one = { vserverId: 'one' };
  const asleep = { name: 'one', type: 'tiny', imageId: 'guest', vnics: [], boot: false };
  const { vserverId } = await agent.call<{ vserverId: string }>('createVServer', asleep);
  const domain = `${agent.prefix}-${vserverId}`;

  t.match(await status(agent), { state: 'inactive', power: 'on' }, 'made without booting');
  t.equal(await reserved(), 96);
  await agent.call('powerOffVServer', one);
  t.equal(await reserved(), 0, 'powered off, it holds no memory');
  await t.rejects(agent.call('startVServer', one), { code: 'wrong-state', message: /power off/ });
  t.match(await agent.call('powerOnVServer', one), { state: 'inactive', power: 'on' });
  t.match(await agent.call('updateVServer', { ...one, type: 'larger' }), {
    vserverType: 'larger',
    memoryMiB: 128,
  });

  t.match(await agent.call('startVServer', one), { state: 'running' });
  await bootedGuest(agent, 'one');
  await t.rejects(agent.call('startVServer', one), { code: 'wrong-state' });
  await t.rejects(agent.call('updateVServer', { ...one, type: 'tiny' }), { code: 'wrong-state' });
  t.match(await agent.call('pauseVServer', one), { state: 'running', condition: 'paused' });
  t.notOk((await agent.call<Status>('resumeVServer', one)).condition, 'resumed');
  await typed(agent, 'one', 'grep MemTotal /proc/meminfo', /MemTotal: +9\d{4} kB/);
  const wrote = await typed(agent, 'one', 'echo kept >/tmp/in-memory; echo wrote', /\nwrote/).then(
    () => true,
  );
  t.ok(wrote);
  t.match(await agent.call('saveVServer', one), { state: 'inactive', power: 'off', condition: 'saved' });
  t.equal(await reserved(), 0, 'saved, it holds no memory');
  await t.rejects(agent.call('powerOnVServer', one), { code: 'wrong-state', message: /is saved/ });
  t.match(await agent.call('restoreVServer', one), { state: 'running' });
  await typed(agent, 'one', 'cat /tmp/in-memory', /\nkept/);
  t.match(
    await agent.call('restartVServer', one),
    { state: 'running', reason: /restart/ },
    'restarted by its own shutdown',
  );
  await bootedGuest(agent, 'one');

  await typed(agent, 'one', 'touch /tmp/deaf; echo made-deaf', /\nmade-deaf/);
  t.match(await agent.call('stopVServer', one), { state: 'stopping' });
  t.match(await status(agent), { state: 'stopping' }, 'a deaf guest stays stopping');
  t.match(
    await agent.call('powerOffVServer', one),
    { state: 'inactive', power: 'off' },
    'and power off is the way out',
  );
  await agent.call('powerOnVServer', one);

  const endings: [string, () => Promise<unknown>, RegExp][] = [
    ['a shutdown from inside', () => typed(agent, 'one', 'poweroff -f'), /guest shut down by itself/],
    ['virsh destroy', () => run('virsh', ['destroy', domain]), /destroyed from outside/],
    ['a crash of QEMU', async () => process.kill(await qemuPid(domain), 'SIGKILL'), /crashed/],
    ['a panic of the guest', () => typed(agent, 'one', 'echo c >/proc/sysrq-trigger'), /panic/],
  ];
  for (const [name, act, why] of endings) {
    await agent.call('startVServer', one);
    await bootedGuest(agent, 'one');
    const { status: after, told } = await ending(agent, act);
    t.match(after, { state: 'inactive', power: 'on', reason: why }, name);
    t.equal(told.length, 1, `${name}: one event`);
  }
  t.match(await agent.call('startVServer', one), { state: 'running' });
  t.match(await agent.call('powerResetVServer', one), { state: 'running', reason: /power reset/ });
  await bootedGuest(agent, 'one');
  await agent.call('destroyVServer', one);
  t.equal(await reserved(), 0);
});

async function qemuPid(domain: string): Promise<number> {
  return Number(await readFile(`/run/libvirt/qemu/${domain}.pid`, 'utf8'));
}
