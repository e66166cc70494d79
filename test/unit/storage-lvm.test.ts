// The LVM thin pool against a small volume group in memory that understands the commands as they are given.
import t from 'tap';
import { parseLvs } from '../../agent/storage/lvm.ts';
import { LvmThinPool } from '../../agent/storage/lvm-thin-pool.ts';

const MiB = 2 ** 20;

interface Row {
  size: number;
  tags: string;
  origin?: string;
}

/** Enough of LVM to refuse what LVM refuses: names taken, names absent. */
class FakeGroup {
  readonly rows = new Map<string, Row>([['root', { size: 1000 * MiB, tags: '' }]]);
  readonly said: string[] = [];
  dataPercent = '25.00';
  metadataPercent = '10.00';
  /** Command at which to fail, as if the agent were killed or the pool full. */
  failAt: { command: string; error: Error } | undefined;

  readonly run = async (command: string, args: string[]): Promise<string> => {
    this.said.push([command, ...args].join(' '));
    if (this.failAt?.command === command) throw this.failAt.error;
    if (command === 'lvs') return this.#report();
    const after = (flag: string) => args[args.indexOf(flag) + 1] ?? '';
    const last = (args.at(-1) ?? '').replace(/^vg\//, '');
    if (command === 'lvcreate' && args.includes('-s'))
      this.#add(after('-n'), { ...this.#row(last), origin: last });
    else if (command === 'lvcreate')
      this.#add(after('-n'), { size: Number.parseInt(after('-V'), 10), tags: after('--addtag') });
    else if (command === 'lvextend') this.#row(last).size = Number.parseInt(after('-L'), 10);
    else if (command === 'lvremove') this.#take(last);
    else if (command === 'lvrename') this.#add(last, this.#take(args[1] ?? ''));
    return '';
  };

  #row(name: string): Row {
    const row = this.rows.get(name);
    if (!row) throw new Error(`Failed to find logical volume "vg/${name}"`);
    return row;
  }

  #add(name: string, row: Row): void {
    if (this.rows.has(name)) throw new Error(`Logical Volume "${name}" already exists in volume group "vg"`);
    this.rows.set(name, row);
  }

  #take(name: string): Row {
    const row = this.#row(name);
    this.rows.delete(name);
    return row;
  }

  #report(): string {
    const thin = { lv_name: 'thin', lv_size: String(1000 * MiB), lv_tags: '' };
    const lv = [
      { ...thin, data_percent: this.dataPercent, metadata_percent: this.metadataPercent },
      ...[...this.rows].map(([name, { size, tags }]) => {
        return {
          lv_name: name,
          lv_size: String(size),
          lv_tags: tags,
          data_percent: '',
          metadata_percent: '',
        };
      }),
    ];
    return JSON.stringify({ report: [{ lv }] });
  }
}

function setUp() {
  const group = new FakeGroup();
  const pool = new LvmThinPool(
    { name: 'fast', kind: 'lvm-thin', volumeGroup: 'vg', thinPool: 'thin' },
    group.run,
  );
  return { group, pool };
}

t.test('space is what the thin pool has left, and none when its metadata is nearly full', async (t) => {
  const { group, pool } = setUp();
  await pool.open();
  t.strictSame(await pool.capacity(), { totalBytes: 1000 * MiB, freeBytes: 750 * MiB });
  group.metadataPercent = '95.00';
  t.equal((await pool.capacity()).freeBytes, 0);
  const other = new LvmThinPool(
    { name: 'x', kind: 'lvm-thin', volumeGroup: 'vg', thinPool: 'absent' },
    group.run,
  );
  await t.rejects(other.open(), { code: 'not-found', message: /no thin pool absent/ });
});

t.test('a volume is made under a temporary name, in whole extents, once', async (t) => {
  const { group, pool } = setUp();
  const [volume, again] = await Promise.all([
    pool.create('vd-1', { sizeBytes: 9 * MiB }),
    pool.create('vd-1', { sizeBytes: 9 * MiB }),
  ]);
  t.strictSame(volume, { path: '/dev/vg/vd-1', format: 'raw', sizeBytes: 12 * MiB });
  t.strictSame(again, volume);
  t.equal(group.said.filter((line) => line.startsWith('lvcreate')).length, 1);
  t.ok(group.said.includes('lvrename vg vd-1.partial vd-1'));
  await t.rejects(pool.create('vd-1', { sizeBytes: 16 * MiB }), { code: 'conflict' });
  t.strictSame(await pool.list(), ['vd-1'], 'the volume group has others, which are not ours');
});

t.test('a backup in the same pool is a snapshot; restoring it is another', async (t) => {
  const { group, pool } = setUp();
  const disk = await pool.create('vd-1', { sizeBytes: 8 * MiB });
  const backup = await pool.create('vd-2', { sizeBytes: 16 * MiB, from: disk });
  t.equal(group.rows.get('vd-2')?.origin, 'vd-1');
  t.equal(backup.sizeBytes, 16 * MiB);
  await t.rejects(pool.overwrite('vd-1', backup), { code: 'invalid', message: /do not fit/ });
  await pool.grow('vd-1', 16 * MiB);
  await pool.overwrite('vd-1', backup);
  t.equal(group.rows.get('vd-1')?.origin, 'vd-2');
  t.strictSame([...group.rows.keys()].sort(), ['root', 'vd-1', 'vd-2']);
});

t.test('an overwrite cut off between its two names loses nothing', async (t) => {
  const { group, pool } = setUp();
  const disk = await pool.create('vd-1', { sizeBytes: 8 * MiB });
  const backup = await pool.create('vd-2', { sizeBytes: 8 * MiB, from: disk });
  const row = group.rows.get('vd-1')!;
  group.rows.delete('vd-1');
  group.rows.set('vd-1.old', row);
  group.rows.set('vd-1.partial', { ...row });
  t.strictSame(await pool.list(), ['vd-1', 'vd-2']);
  t.strictSame(await pool.overwrite('vd-1', backup), disk);
  t.strictSame([...group.rows.keys()].sort(), ['root', 'vd-1', 'vd-2']);
});

t.test('failure and cancellation leave nothing; what is foreign is never touched', async (t) => {
  const { group, pool } = setUp();
  group.failAt = {
    command: 'lvrename',
    error: new Error('Insufficient free space: no space left on device'),
  };
  await t.rejects(pool.create('vd-1', { sizeBytes: MiB }), {
    code: 'no-capacity',
    message: /4.0 MiB are needed/,
  });
  group.failAt = undefined;
  t.strictSame(await pool.list(), ['vd-1'], 'a leftover is listed');
  await pool.remove('vd-1');
  await t.rejects(pool.create('vd-1', { sizeBytes: MiB }, { signal: AbortSignal.abort() }), {
    code: 'cancelled',
  });
  t.strictSame([...group.rows.keys()], ['root']);
  await pool.remove('root');
  t.ok(group.rows.has('root'));
  t.equal(await pool.find('root'), undefined);
  await t.rejects(pool.grow('root', 2000 * MiB), { code: 'not-found' });
});

t.test('reports of another shape, and names that are none, are refused', async (t) => {
  for (const text of ['', '{}', '{"report":[{"lv":[{"lv_name":1}]}]}']) {
    t.throws(() => parseLvs(text), { code: 'internal' });
  }
  const make = (volumeGroup: string) => () =>
    new LvmThinPool({ name: 'x', kind: 'lvm-thin', volumeGroup, thinPool: 't' });
  for (const name of ['', '-f', '../x', 'a b', 'a/b']) t.throws(make(name), { code: 'invalid' });
});
