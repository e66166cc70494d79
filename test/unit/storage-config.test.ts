// What innkeeper.toml may say of storage pools, and what becomes of volumes nobody could remove.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import t from 'tap';
import { checkConfig } from '../../agent/config/config.ts';
import type { Host } from '../../agent/host.ts';
import { Inventory } from '../../agent/inventory/inventory.ts';
import { clearDiscarded, rememberDiscarded } from '../../agent/operations/vdisk/discarded.ts';
import { poolConfig } from '../../agent/storage/config.ts';
import { openPool } from '../../agent/storage/mod.ts';

const usb = { name: 'usb', path: '/mnt/usb', require_mount: true };
const nas = {
  name: 'nas',
  kind: 'nfs',
  source: 'nas:/export',
  path: '/mnt/nas',
  options: 'hard,nfsvers=4.2',
};
const fast = { name: 'fast', kind: 'lvm-thin', volume_group: 'vg0', thin_pool: 'thin' };

t.test('every kind of pool can be configured', async (t) => {
  const { pool } = checkConfig({ pool: [usb, nas, fast] });
  t.same(pool.map(poolConfig), [
    { name: 'usb', kind: 'directory', path: '/mnt/usb', clone: 'overlay', requireMount: true },
    { name: 'nas', kind: 'nfs', source: nas.source, path: nas.path, clone: 'overlay', options: nas.options },
    { name: 'fast', kind: 'lvm-thin', volumeGroup: 'vg0', thinPool: 'thin' },
  ]);
  t.same(
    pool.map((entry) => openPool(poolConfig(entry)).kind),
    ['directory', 'nfs', 'lvm-thin'],
  );
});

t.test('a wrong entry is refused by the name of its field', async (t) => {
  const wrong: [object, RegExp][] = [
    [{ ...nas, kind: 'floppy' }, /pool\.0: kind must be one of directory, nfs, lvm-thin/],
    [{ ...nas, source: '-o evil' }, /pool\.0: source is not as it should be: An NFS export/],
    [{ ...nas, options: '-t proc' }, /pool\.0: options/],
    [{ name: 'fast', kind: 'lvm-thin', volume_group: 'vg0' }, /pool\.0: thin_pool is missing/],
    [{ ...fast, path: '/x' }, /pool\.0: path is not a known field/],
    [{ ...usb, path: 'here' }, /pool\.0: path is not as it should be: An absolute path/],
  ];
  for (const [entry, message] of wrong)
    t.throws(() => checkConfig({ pool: [entry] }), { code: 'invalid', message });
  t.throws(() => checkConfig({ pool: [usb, { ...nas, name: 'usb' }] }), /name usb is given twice/);
});

t.test('what could not be removed is removed at a later start, and nothing else is', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ikt-discarded-'));
  const inventory = await Inventory.open(join(folder, 'inventory.db'));
  t.teardown(async () => {
    await inventory.close();
    await rm(folder, { recursive: true, force: true });
  });
  let away = true;
  const removed: string[] = [];
  const pool = {
    list: async () => ['vd-mine', 'vd-of-another-host'].filter((id) => !removed.includes(id)),
    async remove(id: string) {
      if (away) throw new Error('no answer');
      removed.push(id);
    },
  };
  const warnings: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
  const host = { inventory, log, pools: new Map([['nas', pool]]) } as unknown as Host;

  await rememberDiscarded(host, 'nas', 'vd-mine');
  await rememberDiscarded(host, 'nas', 'vd-mine');
  await clearDiscarded(host);
  t.match(warnings.join(), /no answer/, 'the pool is away');
  away = false;
  await clearDiscarded(host);
  t.same(removed, ['vd-mine'], 'the pool is back');
  t.match(warnings.join(), /"volumes":\["vd-of-another-host"\]/, 'what is not known is told and left alone');
  t.same(await inventory.database.read('SELECT * FROM discarded'), []);
});
