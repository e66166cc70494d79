// What VServers use reaches the control plane: sampled by a real agent, in batches, over links and agents that come and go.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { preparedAgent } from '../helpers/agent-process.ts';
import { TestControlPlane } from '../helpers/control-plane.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { eventually } from '../helpers/waiting.ts';

const COMMAND = new URL('../../bin/innkeeper', import.meta.url).pathname;

interface Sample {
  seq: number;
  time: string;
  vserverId: string;
  power: string;
  vcpus: number;
  cpuSeconds?: number;
}

async function startedPlane(t: Test, answer: object): Promise<TestControlPlane> {
  const plane = await new TestControlPlane().start();
  plane.answer = answer;
  t.teardown(() => plane.stop());
  return plane;
}

const batches = (plane: TestControlPlane) => plane.told('samples') as { samples: Sample[] }[];
const arrived = (plane: TestControlPlane) => batches(plane).flatMap(({ samples }) => samples);
const numbers = (plane: TestControlPlane) => arrived(plane).map(({ seq }) => seq);
const from = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index);

t.test('samples come in order, in batches, and go on where they were acknowledged', async (t) => {
  const plane = await startedPlane(t, { metering: {} });
  const other = await startedPlane(t, {});
  const link = (name: string, { port }: TestControlPlane) => ({
    name,
    url: `ws://127.0.0.1:${port}`,
    right: 'observe',
    reconnect_max_seconds: 1,
  });
  const agent = await preparedAgent(t, {
    libvirtUri: 'test:///default',
    config: {
      metering: { interval_seconds: 1 },
      control_plane: [link('plane', plane), link('other', other)],
    },
  });
  await agent.start();
  await registeredImage(agent);
  const common = { type: 'tiny', imageId: 'guest', vnics: [], context: ['nocloud'] };
  const { vserverId } = await agent.call('createVServer', { ...common, name: 'web' });
  await agent.call('createVServer', { ...common, name: 'off', boot: false });
  await agent.call('powerOffVServer', { vserverId: 'off' });

  await t.test('hello tells of it', async (t) => {
    t.match(plane.told('hello')[0], { features: { metering: true }, metering: { intervalSeconds: 1 } });
  });

  await t.test('no more than a few batches are under way without an acknowledgement', async (t) => {
    await plane.until(() => batches(plane).length >= 4);
    const newest = async () => (await agent.call<Sample[]>('listMeterSample', { limit: 1 }))[0]!.seq;
    const sent = numbers(plane).at(-1)!;
    await eventually(newest, (seq) => seq >= sent + 4, 'two more rounds');
    t.equal(batches(plane).length, 4);
    t.same(numbers(plane), from(1, sent), 'from the first one on');
  });

  await t.test('each VServer is told apart, on or off', async (t) => {
    const latest = async (name: string) =>
      (await agent.call<Sample[]>('listMeterSample', { vserverId: name, limit: 1 }))[0]!;
    const web = { power: 'on', vcpus: 1, cpuSeconds: Number, disks: [{ sizeBytes: Number }] };
    const counts = ({ cpuSeconds }: Sample) => cpuSeconds !== undefined;
    t.match(await eventually(() => latest('web'), counts, 'a sample of it when on'), web);
    const isOff = ({ power }: Sample) => power === 'off';
    t.match(await eventually(() => latest('off'), isOff, 'a sample of it when off'), { vcpus: 0 });
  });

  await t.test('only what was sent can be acknowledged', async (t) => {
    t.match(await plane.call('acknowledgeSamples', { seq: 1e9 }), { error: { data: { code: 'invalid' } } });
    t.match(await plane.call('acknowledgeSamples', { seq: 'x' }), { error: { data: { code: 'invalid' } } });
  });

  /** Whatever `cut` does after this was kept, what comes next is what follows. */
  const goesOn = async (t: Test, cut: () => Promise<unknown>) => {
    const kept = numbers(plane).at(-1)!;
    t.match(await plane.call('acknowledgeSamples', { seq: kept }), { result: null });
    // What was acknowledged but not yet noted would come again after a crash, as it should.
    await eventually(noted, (seq) => seq === kept, 'the acknowledgement on disk');
    plane.heard.length = 0;
    await cut();
    // Some of it may have come before the cut; the rest comes on the next link.
    const first = await plane.until(() => {
      const hello = plane.heard.findIndex(({ method }) => method === 'hello');
      return hello !== -1 && plane.heard.slice(hello).find(({ method }) => method === 'samples');
    });
    t.equal(first.params.samples[0].seq, kept + 1);
  };
  const noted = async () => {
    const db = new DatabaseSync(join(agent.stateDir, 'metering.db'), { readOnly: true });
    const row = db.prepare("SELECT acknowledged FROM receiver WHERE name = 'plane'").get();
    db.close();
    return Number(row?.acknowledged ?? 0);
  };
  await t.test('a link that is lost', (t) => goesOn(t, async () => plane.socket?.terminate()));
  await t.test('an agent that is killed', (t) =>
    goesOn(t, async () => {
      await agent.kill();
      await agent.start();
    }),
  );

  await t.test('a control plane that has kept more, or less, than the agent remembers says so', async (t) => {
    plane.answer = { metering: { acknowledged: 1 } };
    plane.heard.length = 0;
    plane.socket?.terminate();
    await plane.until(() => batches(plane).length >= 1);
    t.equal(numbers(plane)[0], 2);
    plane.answer = { metering: { acknowledged: 1e9 } };
    plane.heard.length = 0;
    plane.socket?.terminate();
    const hello = await plane.until(() => plane.told('hello')[0]);
    await plane.until(() => batches(plane).length >= 1);
    t.equal(numbers(plane)[0], hello.metering.acknowledged + 1, 'one of another history is not believed');
  });

  await t.test('who does not ask for samples gets none', async (t) => {
    t.ok(other.told('hello').length > 0);
    t.same(other.told('samples'), []);
  });

  await t.test('the command shows them, of destroyed VServers, too', async (t) => {
    const run = async (...words: string[]) =>
      (await promisify(execFile)(COMMAND, ['--socket', agent.socket, ...words])).stdout;
    const shown = await run('vserver', 'meter', 'web', '--limit', '2');
    t.match(shown, /^SEQ +TIME +STATE +VCPUS +MIB/);
    t.equal(shown.trim().split('\n').length, 3);
    await agent.call('destroyVServer', { vserverId });
    const samples = JSON.parse(await run('--json', 'vserver', 'meter', vserverId as string, '--after', '0'));
    t.ok(samples.length > 5);
    t.equal(samples.filter((sample: Sample) => sample.vserverId !== vserverId).length, 0);
    await t.rejects(agent.call('listMeterSample', { vserverId: 'nobody' }), { code: 'not-found' });
  });
});

t.test('a host that does not meter says so', async (t) => {
  const plane = await startedPlane(t, { metering: {} });
  const agent = await preparedAgent(t, {
    libvirtUri: 'test:///default',
    config: {
      metering: { enabled: false },
      control_plane: [{ name: 'plane', url: `ws://127.0.0.1:${plane.port}`, right: 'observe' }],
    },
  });
  await agent.start();
  const hello = await plane.until(() => plane.told('hello')[0]);
  t.equal(hello.features.metering, false);
  t.notOk('metering' in hello);
  await t.rejects(agent.call('listMeterSample'), { code: 'unsupported' });
});
