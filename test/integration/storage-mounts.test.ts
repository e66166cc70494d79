// Pools that must be mounted, and sources that are block devices.
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openPool } from '../../agent/storage/mod.ts';
import { NfsPool } from '../../agent/storage/nfs-pool.ts';
import { fill, holds, mountTmpfs, scratch, tool } from '../helpers/disks.ts';

const MiB = 2 ** 20;

t.test('an unplugged pool refuses everything and never writes on the disk below', async (t) => {
  const directory = await scratch(t);
  const path = await mountTmpfs(t, directory, '16M');
  const pool = openPool({ name: 'usb', kind: 'directory', path, requireMount: true });
  await pool.open();
  await pool.create('vd-1', { sizeBytes: MiB });
  await tool('umount', path);
  const gone = { code: 'internal', message: /Pool usb is not there: nothing is mounted on/ };
  await t.rejects(pool.create('vd-2', { sizeBytes: MiB }), gone);
  await t.rejects(pool.find('vd-1'), gone, 'not known, which is not the same as absent');
  await t.rejects(pool.capacity(), gone);
  t.strictSame(await readdir(path), []);
  await tool('mount', '-t', 'tmpfs', 'ikt-storage', path);
  t.strictSame(await pool.list(), []);
});

t.test(
  'an NFS pool mounts its export once, works through its helper, and insists on its source',
  async (t) => {
    const path = join(await scratch(t), 'nfs');
    await mkdir(path);
    const asked: string[][] = [];
    const config = { name: 'nas', kind: 'nfs', source: 'nas:/export', path } as const;
    // This kernel may have no NFS: a tmpfs of the same name stands in for the export.
    const pool = new NfsPool(config, async (source, at, options) => {
      asked.push([source, at, options]);
      await tool('mount', '-t', 'tmpfs', source, at);
      t.teardown(() => tool('umount', '-l', at));
    });
    t.teardown(() => pool.close());
    await pool.open();
    await pool.open();
    t.strictSame(asked, [['nas:/export', path, 'hard,timeo=100,noatime,nosuid,nodev']]);
    t.strictSame(
      await pool.find((await pool.create('vd-1', { sizeBytes: MiB })).path.split('/').at(-1)!.slice(0, 4)),
      {
        path: join(path, 'vd-1.qcow2'),
        format: 'qcow2',
        sizeBytes: MiB,
      },
    );
    const other = new NfsPool({ ...config, source: 'other:/export' }, async () => {});
    await t.rejects(other.open(), { code: 'internal', message: /other:\/export is not mounted/ });
    const broken = new NfsPool({ ...config, source: 'broken:/export' }, async () => {
      throw new Error('mount.nfs: Connection refused');
    });
    await t.rejects(broken.open(), {
      code: 'internal',
      message: /Could not mount broken:\/export.*Connection refused/,
    });
    for (const source of ['-o:/x', 'nas', '/export', 'nas:/a b', '']) {
      t.throws(() => new NfsPool({ ...config, source }), { code: 'invalid' }, source);
    }
  },
);

t.test('a block device is a source like any other', async (t) => {
  const directory = await scratch(t);
  const file = join(directory, 'disk.raw');
  await tool('truncate', '-s', '8M', file);
  await fill(file, 6, '0', 'raw');
  const device = (await tool('losetup', '--find', '--show', '--read-only', file)).trim();
  t.teardown(() => tool('losetup', '-d', device));
  const pool = openPool({ name: 'p', kind: 'directory', path: join(directory, 'pool') });
  await pool.open();
  const from = { path: device, format: 'raw' } as const;
  await t.rejects(pool.create('vd-1', { sizeBytes: 4 * MiB, from }), {
    code: 'invalid',
    message: /8.0 MiB do not fit/,
  });
  t.ok(await holds(await pool.create('vd-1', { sizeBytes: 8 * MiB, from }), 6));
});
