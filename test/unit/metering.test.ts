// Samples of what VServers use: whose counters they are, how they are numbered, and when they are let go.
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { checkConfig } from '../../agent/config/config.ts';
import type { Host } from '../../agent/host.ts';
import { Inventory } from '../../agent/inventory/inventory.ts';
import { Meter, roundsOf } from '../../agent/metering/meter.ts';
import { type MeterBounds, MeterStore, type OpenDatabase } from '../../agent/metering/meter-store.ts';
import { type Measured, measure } from '../../agent/metering/sample.ts';
import type { MachineSample } from '../../drivers/hypervisor.ts';

const log = pino({ enabled: false });
const TIME = '2030-01-01T00:00:00.000Z';
const WIDE: MeterBounds = { rounds: 1000, bytes: 2 ** 30 };

const vserver = (id: string, power: 'on' | 'off') => ({
  id,
  name: `name-${id}`,
  creator: 'plane',
  vserverType: 'tiny',
  domain: `ik-${id}`,
  state: power === 'on' ? 'running' : 'inactive',
  power,
  vcpus: 2,
  memoryMiB: 512,
});
const TABLES: Record<string, object[]> = {
  vserver: [vserver('a', 'on'), vserver('b', 'off')],
  vdisk: [
    { id: 'd0', sizeBytes: 1000, attachedTo: 'a', position: 0 },
    { id: 'd1', sizeBytes: 2000, attachedTo: 'a', position: 1 },
    { id: 'd2', sizeBytes: 3000, attachedTo: 'b', position: 0 },
    { id: 'd3', sizeBytes: 4000 },
  ],
  vnic: [{ id: 'n0', vserverId: 'a', vnetId: 'net', device: 'ikt0' }],
};
const reader = { list: (kind: string) => TABLES[kind], get: () => undefined } as never;
const disk = (target: string, bytes: bigint) => ({
  target,
  path: `/pool/${target}`,
  readBytes: bytes,
  writeBytes: bytes + 1n,
  readRequests: 7n,
  writeRequests: 8n,
});
const machine = (name: string, more: Partial<MachineSample> = {}): MachineSample => ({
  name,
  uuid: '',
  state: 'running',
  reason: 'booted',
  vcpus: 2,
  memoryMiB: 512,
  cpuTimeNs: 1_500_000_000n,
  rssKiB: 4,
  // A context medium is counted by the hypervisor, too, but is nobody's disk.
  disks: [disk('vda', 10n), disk('vdb', 20n), disk('vdz', 30n), disk('hda', 40n)],
  nics: [{ device: 'ikt0', receivedBytes: 1n, sentBytes: 2n, receivedPackets: 3n, sentPackets: 4n }],
  ...more,
});

t.test('counters are those of the inventory, and one that is off holds and counts nothing', async (t) => {
  const machines = [machine('ik-a'), machine('ik-b', { state: 'off', cpuTimeNs: 9n }), machine('foreign')];
  const [first, second, ...more] = measure(reader, machines, TIME);
  t.same(more, [], 'nobody else is metered');
  t.match(first, {
    vserverId: 'a',
    time: TIME,
    vcpus: 2,
    memoryMiB: 512,
    cpuSeconds: 1.5,
    residentBytes: 4096,
  });
  t.match(first?.disks, [
    { vdiskId: 'd0', sizeBytes: 1000, readBytes: 10, writtenBytes: 11, readRequests: 7, writeRequests: 8 },
    { vdiskId: 'd1', readBytes: 20 },
  ]);
  t.same(first?.vnics, [
    { vnicId: 'n0', vnetId: 'net', receivedBytes: 1, sentBytes: 2, receivedPackets: 3, sentPackets: 4 },
  ]);
  t.match(second, { vserverId: 'b', power: 'off', vcpus: 0, memoryMiB: 0 });
  t.same(second?.disks, [{ vdiskId: 'd2', sizeBytes: 3000 }], 'its disk is still there, and said to be');
  t.notOk('cpuSeconds' in second!);
});

async function store(t: Test, bounds = WIDE, path = join(t.testdir(), 'metering.db')) {
  const opened = await MeterStore.open(path, bounds, log);
  let open = true;
  const close = async () => {
    if (open) await opened.close();
    open = false;
  };
  t.teardown(close);
  return { store: opened, path, close };
}
const rows = (count: number, padding = ''): Measured[] =>
  Array.from({ length: count }, (_, index) => ({
    ...measure(reader, [], TIME)[0]!,
    vserverId: index % 2 === 0 ? 'a' : 'b',
    name: padding,
  }));
const numbers = (samples: { seq: number }[]) => samples.map(({ seq }) => seq);

t.test('samples are numbered without gaps, also after the file was closed and opened', async (t) => {
  const first = await store(t);
  await first.store.add(rows(3));
  await first.store.acknowledge('plane', 2);
  await first.close();
  const again = await store(t, WIDE, first.path);
  t.equal(again.store.acknowledged('plane'), 2);
  await again.store.add(rows(2));
  t.same(numbers(await again.store.read(100, 0)), [1, 2, 3, 4, 5]);
  t.same(numbers(await again.store.read(2)), [4, 5], 'the latest, where none is named');
  t.same(numbers(await again.store.read(2, 1)), [2, 3]);
  t.same(numbers(await again.store.read(100, 0, 'b')), [2, 5]);
  t.equal((await stat(first.path)).mode & 0o777, 0o600);
});

t.test('what is acknowledged never goes back, and never beyond what there is', async (t) => {
  const { store: meters } = await store(t);
  await meters.add(rows(3));
  await meters.acknowledge('plane', 3);
  await meters.acknowledge('plane', 1);
  t.equal(meters.acknowledged('plane'), 3);
  await meters.acknowledge('other', 99);
  t.equal(meters.acknowledged('other'), 3);
});

t.test('so many rounds are kept, whatever the clock says and whoever has fetched them', async (t) => {
  const { store: meters } = await store(t, { ...WIDE, rounds: 3 });
  for (let round = 0; round < 5; round++) await meters.add(rows(2));
  t.same(numbers(await meters.read(100, 0)), [5, 6, 7, 8, 9, 10]);
  for (let round = 0; round < 3; round++) await meters.add([]);
  t.same(await meters.read(100, 0), [], 'rounds of a host without VServers count, too');
  await meters.add(rows(1));
  t.same(numbers(await meters.read(100, 0)), [11], 'and no number is given twice');
});

t.test('the room they take is bounded: the oldest go', async (t) => {
  const { store: meters, path } = await store(t, { rounds: 1e6, bytes: 2 ** 20 });
  const large = 'x'.repeat(2000);
  for (let round = 0; round < 60; round++) await meters.add(rows(20, large));
  const left = numbers(await meters.read(1000, 0));
  t.equal(left.at(-1), 1200);
  t.ok(left[0]! > 600, `the first one left is ${left[0]}`);
  t.ok((await stat(path)).size < 2 ** 21, 'the file stays small');
});

t.test('batches come in order, bounded, then live; old ones that were dropped are passed over', async (t) => {
  const { store: meters } = await store(t, { ...WIDE, rounds: 2 });
  for (let round = 0; round < 3; round++) await meters.add(rows(450));
  const stop = new AbortController();
  const batches = meters.follow(0, stop.signal);
  const got: number[] = [];
  while (got.at(-1) !== 1350) {
    const { value } = await batches.next();
    t.ok(value.samples.length <= 200);
    t.equal(value.seq, value.samples.at(-1).seq);
    got.push(...numbers(value.samples));
  }
  t.same(
    got,
    Array.from({ length: 900 }, (_, index) => 451 + index),
  );
  const next = batches.next();
  await meters.add(rows(1));
  t.same(numbers((await next).value.samples), [1351]);
  // A reader that stands where everything is gone waits for what comes, and does not turn in circles.
  for (let round = 0; round < 2; round++) await meters.add([]);
  const late = meters.follow(5, stop.signal);
  const waiting = late.next();
  await meters.add(rows(1));
  t.same(numbers((await waiting).value.samples), [1352]);
  const last = late.next();
  stop.abort();
  t.equal((await last).done, true);
});

t.test('a batch is bounded in bytes, too', async (t) => {
  const { store: meters } = await store(t);
  await meters.add(rows(10, 'x'.repeat(100_000)));
  const { value } = await meters.follow(0, new AbortController().signal).next();
  t.same(numbers(value.samples), [1, 2]);
});

t.test('a file that cannot be read is put aside, and metering begins anew', async (t) => {
  const path = join(t.testdir(), 'metering.db');
  await writeFile(path, 'no database at all, but long enough to be taken for one'.repeat(20));
  const { store: meters } = await store(t, WIDE, path);
  await meters.add(rows(1));
  t.equal(meters.lastSequence, 1);
  t.ok(await stat(`${path}.unreadable`));
});

t.test('its file can be beside another one in the same thread, and neither disturbs the other', async (t) => {
  const folder = t.testdir();
  const inventory = await Inventory.open(join(folder, 'inventory.db'));
  const { database } = inventory;
  await writeFile(join(folder, 'metering.db'), 'no database at all, but long enough'.repeat(40));
  const beside: OpenDatabase = (path, options = {}) => database.openBeside(path, options);
  const meters = await MeterStore.open(join(folder, 'metering.db'), WIDE, log, beside);
  await meters.add(rows(2));
  await t.rejects(database.write([['INSERT INTO nowhere VALUES (1)']]), { code: 'internal' });
  t.same(numbers(await meters.read(10, 0)), [1, 2]);
  await meters.close();
  await t.rejects(meters.read(10, 0), { code: 'internal' });
  await inventory.transact((tx) => tx.event('still.there', {}));
  t.equal(inventory.lastSequence, 1);
  await inventory.close();
});

t.test('a round is one call to the hypervisor; while it is away there are no rounds', async (t) => {
  const { store: meters } = await store(t);
  let calls = 0;
  const hypervisor = {
    connected: true,
    list: async () => {
      calls++;
      return [machine('ik-a')];
    },
  };
  const meter = new Meter({ hypervisor, inventory: reader, log } as unknown as Host, meters);
  await Promise.all([meter.sample(), meter.sample()]);
  t.equal(calls, 1, 'two wishes at once are one round');
  t.equal(meters.lastSequence, 2);
  hypervisor.connected = false;
  await meter.sample();
  t.equal(meters.lastSequence, 2);
  hypervisor.connected = true;
  hypervisor.list = () => Promise.reject(new Error('hung up'));
  await meter.sample();
  t.equal(meters.lastSequence, 2, 'and a call that fails is no round either');
});

t.test('the time for which samples are kept is counted in rounds', async (t) => {
  t.equal(roundsOf(checkConfig({}).metering), 48 * 60);
  t.equal(roundsOf({ keep_hours: 0.01, interval_seconds: 3600 }), 1);
});
