// innkeeper top: rates from counters, what comes first, and lists that fit.
import t from 'tap';
import { table } from '../../agent/cli/table.ts';
import { activities, type Look, short, TOP_COLUMNS, type Usage } from '../../agent/cli/top/rates.ts';

const usage = (name: string, cpuSeconds: number | undefined, bytes: number): Usage => ({
  vserverId: `vs-${name}`,
  name,
  state: cpuSeconds === undefined ? 'inactive' : 'running',
  vcpus: 1,
  memoryMiB: 96,
  ...(cpuSeconds === undefined ? {} : { cpuSeconds, residentBytes: 50 * 2 ** 20 }),
  disks: [{ readBytes: bytes, writtenBytes: 0 }, {}],
  vnics: cpuSeconds === undefined ? [{}] : [{ receivedBytes: bytes, sentBytes: 2 * bytes }],
});
const look = (at: number, ...vservers: Usage[]): Look => ({ at, vservers });
const names = (rows: { name: string }[]) => rows.map(({ name }) => name);

t.test('rates are differences by time, largest first', async (t) => {
  const before = look(1000, usage('a', 10, 1000), usage('b', 20, 1000));
  const now = look(3000, usage('a', 10.5, 3000), usage('b', 23, 1000));
  const rows = activities(before, now, 'cpu');
  t.match(rows, [
    { name: 'b', cpuPercent: 150, readBytesPerSecond: 0, residentMiB: 50 },
    {
      name: 'a',
      cpuPercent: 25,
      readBytesPerSecond: 1000,
      receivedBytesPerSecond: 1000,
      sentBytesPerSecond: 2000,
    },
  ]);
  t.same(names(activities(before, now, 'disk')), ['a', 'b']);
  t.same(names(activities(before, now, 'network')), ['a', 'b']);
  t.same(names(activities(before, now, 'memory')), ['a', 'b'], 'equals stand in the order of their names');
});

t.test('one that is new, off, or has begun anew has no rates', async (t) => {
  const before = look(0, usage('reset', 100, 5000), usage('off', undefined, 0));
  const now = look(1000, usage('reset', 1, 10), usage('off', undefined, 0), usage('new', 1, 1));
  for (const row of activities(before, now, 'cpu')) t.notOk('cpuPercent' in row, row.name);
  t.notOk(
    activities(now, now, 'cpu').some((row) => 'cpuPercent' in row),
    'nor has anything in no time',
  );
});

t.test('bytes are short', async (t) => {
  const cases: [number | undefined, string][] = [
    [undefined, '-'],
    [0, '0'],
    [999, '999'],
    [1536, '1.5K'],
    [150 * 1024, '150K'],
    [1000 * 1024, '1.0M'],
    [5 * 2 ** 40, '5.0T'],
  ];
  for (const [bytes, text] of cases) t.equal(short(bytes), text);
});

t.test('the list is a table', async (t) => {
  const rows = activities(look(0, usage('a', 1, 0)), look(1000, usage('a', 2, 2048)), 'cpu');
  const text = table(rows as unknown as Record<string, unknown>[], TOP_COLUMNS);
  t.match(text, /^NAME +STATE +VCPUS +CPU% +MIB +RESIDENT +READ\/S +WRITTEN\/S +RECEIVED\/S +SENT\/S\n/);
  t.match(text, /^a +running +1 +100 +96 +50 +2.0K +0 +2.0K +4.0K$/m);
});
