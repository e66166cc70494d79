// The link and a real agent while the control plane is cut off, killed, restored, robbed, slow, and out of its mind.
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { preparedAgent, type TestAgent } from '../helpers/agent-process.ts';
import { type DurablePlane, durablePlane } from '../helpers/durable-plane.ts';
import { registeredImage } from '../helpers/guest-console.ts';

const VSERVERS = Array.from({ length: 8 }, (_, number) => `v${number}`);
const EVENTS = 1000;
const MIB = 2 ** 20;
/** Far more than the agent may keep for one control plane that does not read (16 MiB), far less than it is asked for. */
const ROOM = 128 * MIB;

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 6000 && !holds(); tries++) await sleep(10);
  if (!holds()) throw new Error(`waited in vain: ${what}`);
}

async function residentBytes(agent: TestAgent): Promise<number> {
  const status = await readFile(`/proc/${agent.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** One round is at least sixteen events, whatever the control plane does meanwhile. */
async function round(agent: TestAgent): Promise<void> {
  await Promise.all(VSERVERS.map((vserverId) => agent.call('powerResetVServer', { vserverId })));
}

/** Newest event of the agent, by its own word. */
async function lastSequence(agent: TestAgent): Promise<number> {
  const events = await agent.client.stream('/v1/events?after=0&follow=0');
  let last = 0;
  for await (const event of events) last = (event as { seq: number }).seq;
  return last;
}

const caughtUp = async (agent: TestAgent, plane: DurablePlane) => {
  const last = await lastSequence(agent);
  await until(() => plane.memory.kept.at(-1) === last, `event ${last}`);
};

/** Things that no sane control plane says. */
const GARBAGE: (string | Buffer)[] = [
  'not json',
  '',
  '[]',
  '[{"jsonrpc":"2.0","id":1,"method":"listVServer"}]',
  '{"jsonrpc":"1.0","id":1,"method":"listVServer"}',
  '{"jsonrpc":"2.0","id":{},"method":"listVServer"}',
  '{"jsonrpc":"2.0","id":1,"method":"listVServer","params":[1]}',
  '{"jsonrpc":"2.0","id":999,"result":{}}',
  '{"jsonrpc":"2.0","id":1,"method":"__proto__","params":{"__proto__":{"right":"administer"}}}',
  '{"jsonrpc":"2.0","id":1,"method":"acknowledge","params":{"seq":999999999}}',
  '{"jsonrpc":"2.0","method":"acknowledge","params":{"seq":-1}}',
  '['.repeat(100_000),
  Buffer.from([0, 1, 2, 255]),
];

t.test('a thousand events and every request come through everything a control plane can do', async (t) => {
  const plane = await durablePlane(t);
  const link = { name: 'plane', url: plane.url, right: 'operate', reconnect_max_seconds: 1 };
  const config = { control_plane: [link], log_level: 'info' };
  const agent = await preparedAgent(t, {
    libvirtUri: 'test:///default',
    config: { ...config, log_level: 'info' },
  });
  await agent.start();
  await registeredImage(agent);
  const common = { type: 'tiny', imageId: 'guest', vnics: [], boot: false };
  await Promise.all(VSERVERS.map((name) => agent.call('createVServer', { ...common, name })));
  await caughtUp(agent, plane);
  const before = await residentBytes(agent);
  let most = before;
  let asked = 0;
  const disk = (number: number) => ({ name: `disk-${number}`, sizeGB: 0.001 });
  /** Five requests and some events in the middle of what happens. */
  const live = async (rounds = 2) => {
    for (let number = 0; number < 5; number++) plane.request(`rq-${++asked}`, 'createVDisk', disk(asked));
    for (let number = 0; number < rounds; number++) {
      await round(agent);
      most = Math.max(most, await residentBytes(agent));
    }
  };

  await t.test('cut off again and again', async (t) => {
    for (let cut = 0; cut < 4; cut++) {
      const { links } = plane;
      plane.socket?.terminate();
      await live(1);
      await until(() => plane.links > links, 'the next link');
    }
    t.equal(plane.links, 5);
  });

  await t.test('killed, and restarted with its memory', async (t) => {
    await plane.kill();
    await live();
    const kept = plane.memory.kept.at(-1);
    await plane.start();
    await caughtUp(agent, plane);
    t.ok(kept! < plane.memory.kept.at(-1)!, 'what happened meanwhile has come');
  });

  await t.test('killed, and restarted without its memory', async (t) => {
    await plane.kill();
    plane.loseMemory();
    await live();
    await plane.start();
    await caughtUp(agent, plane);
    t.equal(plane.memory.kept[0], 1, 'everything comes again, from the first event on');
  });

  await t.test('slow: it takes a long time to acknowledge', async (t) => {
    plane.acknowledging = false;
    plane.mostUnacknowledged = 0;
    await live(Math.ceil(320 / (VSERVERS.length * 2)));
    await until(() => plane.mostUnacknowledged >= 256, 'a full window');
    t.equal(plane.mostUnacknowledged, 256, 'no more than the window is under way');
    plane.acknowledging = true;
    plane.acknowledge();
    await caughtUp(agent, plane);
  });

  await t.test('it asks and asks, and does not read', async (t) => {
    const { links } = plane;
    const deaf = plane.socket!;
    deaf.pause();
    const question = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'rpc.discover' });
    for (let number = 0; number < 4000; number++) plane.raw(question);
    await live();
    await until(() => plane.links > links, 'to be cut off, and called again');
    most = Math.max(most, await residentBytes(agent));
    deaf.terminate();
    t.ok(most - before < ROOM, `${Math.round((most - before) / MIB)} MiB more than before`);
  });

  await t.test('out of its mind', async (t) => {
    await caughtUp(agent, plane);
    const { links } = plane;
    plane.faults = 0;
    for (const garbage of GARBAGE) plane.raw(garbage);
    await live();
    await until(() => plane.faults >= GARBAGE.length - 2, 'an answer to all but the two that take none');
    await caughtUp(agent, plane);
    t.equal(plane.links, links, 'the link has lived on');
  });

  await t.test('larger than anything', async (t) => {
    const { links } = plane;
    plane.raw(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'x', params: { x: 'x'.repeat(5 * MIB) } }));
    await live();
    await until(() => plane.links > links, 'the next link');
    t.ok(plane.closed.includes(1009), 'it is told why');
  });

  await t.test('saying everything several times', async () => {
    await caughtUp(agent, plane);
    for (let time = 0; time < 3; time++) {
      for (let number = 1; number <= asked; number++)
        plane.again(`rq-${number}`, 'createVDisk', disk(number));
      plane.acknowledge();
    }
    await live();
    await until(
      () => [...plane.answers.values()].filter(({ length }) => length >= 4).length >= 35,
      'answers',
    );
  });

  while ((await lastSequence(agent)) < EVENTS) await live(4);
  await caughtUp(agent, plane);
  await until(() => plane.pending.size === 0, 'every answer');
  t.same(plane.gaps, [], 'every event came in order');
  t.same(
    plane.memory.kept,
    Array.from({ length: plane.memory.kept.length }, (_, index) => index + 1),
    `all ${plane.memory.kept.length} events are known`,
  );
  const disks = (await agent.call<{ name: string; kind: string }[]>('listVDisk')).filter(
    ({ kind }) => kind === 'optional',
  );
  const names = Array.from({ length: asked }, (_, index) => `disk-${index + 1}`);
  t.same(disks.map(({ name }) => name).sort(), names.sort(), 'each request was carried out once');
  t.equal(plane.memory.types.get('vdisk.created'), asked, 'and told once');
  const odd = [...plane.answers].filter(
    ([, answers]) => new Set(answers).size > 1 || answers[0]?.startsWith('refused'),
  );
  t.same(odd, [], 'however often it was asked, each got one answer');
  t.comment(
    `${plane.memory.kept.length} events, ${asked} requests, ${plane.links} links, ` +
      `${Math.round(before / MIB)} to at most ${Math.round(most / MIB)} MiB resident`,
  );
});
