// A directory pool with real disks: whole or not there, the same id once, nothing left, nobody held up.
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type DirectoryPoolConfig, openPool } from '../../agent/storage/mod.ts';
import { fill, holds, makeImage, mountTmpfs, scratch, tool } from '../helpers/disks.ts';

const MiB = 2 ** 20;

async function setUp(t: Test, config: Partial<DirectoryPoolConfig> = {}) {
  const directory = await scratch(t);
  const path = config.path ?? join(directory, 'pool');
  const pool = openPool({ name: 'test', kind: 'directory', ...config, path });
  await pool.open();
  t.teardown(() => pool.close());
  const image = await makeImage(join(directory, 'image.qcow2'));
  return { directory, path, pool, image };
}

/** As the library does with a registered image. */
const seal = (path: string) => tool('chmod', '444', path);

t.test('a blank volume is there at once, of the size asked, and takes no space', async (t) => {
  const { pool, path } = await setUp(t);
  const volume = await pool.create('vd-1', { sizeBytes: 100 * MiB + 1 });
  t.strictSame(volume, { path: join(path, 'vd-1.qcow2'), format: 'qcow2', sizeBytes: 100 * MiB + 512 });
  t.ok((await stat(volume.path)).blocks * 512 < MiB);
  t.equal((await stat(volume.path)).mode & 0o777, 0o600);
  t.equal((await stat(path)).mode & 0o777, 0o711, 'QEMU may pass, nobody may list');
  t.strictSame(await pool.find('vd-1'), volume);
  t.equal(await pool.find('vd-2'), undefined);
  t.strictSame(await pool.list(), ['vd-1']);
});

t.test('the same id twice, at the same time, is one volume; another size is a conflict', async (t) => {
  const { pool, path } = await setUp(t);
  const spec = { sizeBytes: 8 * MiB };
  const [first, second] = await Promise.all([pool.create('vd-1', spec), pool.create('vd-1', spec)]);
  t.strictSame(first, second);
  t.strictSame(await readdir(path), ['vd-1.qcow2']);
  await t.rejects(pool.create('vd-1', { sizeBytes: 9 * MiB }), {
    code: 'conflict',
    message: /8.0 MiB, not 9.0 MiB/,
  });
  await Promise.all([pool.remove('vd-1'), pool.remove('vd-1')]);
  t.strictSame(await readdir(path), []);
});

t.test('a volume of a registered image is an overlay that outlives the image', async (t) => {
  const { pool, image, path } = await setUp(t);
  await seal(image.path);
  const volumes = await Promise.all(
    Array.from({ length: 8 }, (_, n) => pool.create(`vd-${n}`, { sizeBytes: 128 * MiB, from: image })),
  );
  t.strictSame(volumes[3]?.backing, { path: join(path, 'vd-3.base'), format: 'qcow2' });
  t.equal((await stat(join(path, 'vd-3.base'))).nlink, 9, 'the content exists once');
  await fill(join(path, 'vd-3.qcow2'), 9);
  await tool('rm', image.path);
  t.ok(await holds(volumes[3]!, 9));
  t.ok(await holds(volumes[4]!, 7), 'a neighbour does not see it');
  await pool.remove('vd-3');
  t.ok(await holds(volumes[4]!, 7), 'nor does it end with it');
  t.notOk((await readdir(path)).some((name) => name.startsWith('vd-3')));
});

t.test('content that can still change is copied, with progress', async (t) => {
  const { pool, image } = await setUp(t);
  const seen: [number, number][] = [];
  const onProgress = (done: number, total: number) => void seen.push([done, total]);
  const copy = await pool.create('vd-1', { sizeBytes: 64 * MiB, from: image }, { onProgress });
  await fill(image.path, 1);
  t.equal(copy.backing, undefined);
  t.ok(await holds(copy, 7));
  t.strictSame(seen.at(-1), [64 * MiB, 64 * MiB]);
});

t.test('where images are on another file system, volumes are copies', async (t) => {
  const { directory, image } = await setUp(t);
  const { pool } = await setUp(t, { path: await mountTmpfs(t, directory, '64M') });
  await seal(image.path);
  const volume = await pool.create('vd-1', { sizeBytes: 80 * MiB, from: image });
  t.equal(volume.backing, undefined);
  t.ok(await holds(volume, 7));
  t.equal((await pool.capacity()).totalBytes, 64 * MiB);
});

t.test('the policy "copy" makes volumes that depend on nothing', async (t) => {
  const { pool, image } = await setUp(t, { clone: 'copy' });
  await seal(image.path);
  const volume = await pool.create('vd-1', { sizeBytes: 64 * MiB, from: image });
  t.equal(volume.backing, undefined);
  t.ok(await holds(volume, 7));
});

t.test('growing keeps the content; asking again is success; shrinking is refused', async (t) => {
  const { pool, image } = await setUp(t);
  await pool.create('vd-1', { sizeBytes: 64 * MiB, from: image });
  const grown = await pool.grow('vd-1', 96 * MiB);
  t.equal(grown.sizeBytes, 96 * MiB);
  t.strictSame(await pool.grow('vd-1', 96 * MiB), grown);
  t.ok(await holds(grown, 7));
  t.ok(await holds(grown, 0, '90M'));
  await t.rejects(pool.grow('vd-1', 64 * MiB), { code: 'invalid', message: /cannot shrink/ });
  await t.rejects(pool.grow('vd-9', 64 * MiB), { code: 'not-found' });
});

t.test('a backup stands alone, and restoring it keeps path, format and size', async (t) => {
  const { pool, image, path } = await setUp(t);
  await seal(image.path);
  const disk = await pool.create('vd-1', { sizeBytes: 64 * MiB, from: image });
  const backup = await pool.create('vd-2', { sizeBytes: 64 * MiB, from: disk });
  await fill(disk.path, 3);
  await pool.grow('vd-1', 96 * MiB);
  const restored = await pool.overwrite('vd-1', backup);
  t.strictSame(restored, { path: disk.path, format: 'qcow2', sizeBytes: 96 * MiB });
  t.ok(await holds(restored, 7));
  t.strictSame((await readdir(path)).sort(), ['vd-1.qcow2', 'vd-2.qcow2']);
  await t.rejects(pool.overwrite('vd-2', restored), { code: 'invalid', message: /do not fit/ });
});

t.test('a disk that a running VServer uses is neither grown nor copied', async (t) => {
  const { pool } = await setUp(t);
  const volume = await pool.create('vd-1', { sizeBytes: 64 * MiB });
  const { spawn } = await import('node:child_process');
  const user = spawn('qemu-io', ['-f', 'qcow2', volume.path], { stdio: ['pipe', 'pipe', 'ignore'] });
  t.teardown(() => user.kill('SIGKILL'));
  user.stdin.write('write 0 512\n');
  await new Promise((resolve) => user.stdout.once('data', resolve));
  await t.rejects(pool.grow('vd-1', 96 * MiB), { code: 'wrong-state', message: /running VServer uses it/ });
  await t.rejects(pool.create('vd-2', { sizeBytes: 64 * MiB, from: volume }), { code: 'wrong-state' });
  t.strictSame(await pool.list(), ['vd-1']);
});

t.test('a volume whose header was changed by its guest leads nowhere', async (t) => {
  const { pool, directory } = await setUp(t);
  const secret = join(directory, 'secret');
  await writeFile(secret, 'x'.repeat(MiB));
  const volume = await pool.create('vd-1', { sizeBytes: MiB });
  await tool('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-F', 'raw', '-b', secret, volume.path);
  await t.rejects(pool.create('vd-2', { sizeBytes: MiB, from: volume }), {
    code: 'invalid',
    message: /not given to it/,
  });
  t.notOk((await readdir(join(directory, 'pool'))).some((name) => name.startsWith('vd-2')));
  await pool.remove('vd-1');
});

t.test('what is missing or does not fit is said in words, and leaves nothing', async (t) => {
  const { pool, image, path } = await setUp(t);
  const from = { path: '/nowhere/image.qcow2', format: 'qcow2' } as const;
  await t.rejects(pool.create('vd-1', { sizeBytes: MiB, from }), { code: 'not-found', message: /nowhere/ });
  await t.rejects(pool.create('vd-1', { sizeBytes: MiB, from: image }), {
    code: 'invalid',
    message: /larger volume/,
  });
  await t.rejects(pool.create('vd-1', { sizeBytes: -1 }), { code: 'invalid' });
  await t.rejects(pool.create('../vd', { sizeBytes: MiB }), { code: 'invalid' });
  t.strictSame(await readdir(path), []);
});

t.test('a full disk: one sentence with the space needed, and nothing left', async (t) => {
  const { directory, image } = await setUp(t);
  const { pool, path } = await setUp(t, { path: await mountTmpfs(t, directory, '4M') });
  for (let megabyte = 0; megabyte < 32; megabyte += 8) await fill(image.path, 5, `${megabyte}M`);
  await tool('qemu-io', '-f', 'qcow2', '-c', 'write -P 5 0 16M', image.path);
  const asked = pool.create('vd-1', { sizeBytes: 64 * MiB, from: image });
  await t.rejects(asked, { code: 'no-capacity', message: /disk is full.*64.0 MiB are needed/ });
  t.strictSame(await readdir(path), []);
});

t.test('cancelled in the middle, nothing is left and the id is free', async (t) => {
  const { directory } = await setUp(t);
  const { pool, path } = await setUp(t, { clone: 'copy' });
  const large = join(directory, 'large.raw');
  await tool('sh', '-c', `head -c 200M /dev/urandom > ${large}`);
  const stop = new AbortController();
  const from = { path: large, format: 'raw' } as const;
  const onProgress = (done: number) => void (done > 0 && stop.abort());
  const options = { signal: stop.signal, onProgress };
  await t.rejects(pool.create('vd-1', { sizeBytes: 200 * MiB, from }, options), { code: 'cancelled' });
  t.strictSame(await readdir(path), []);
  await t.rejects(
    pool.create('vd-1', { sizeBytes: MiB }, { signal: AbortSignal.abort(new Error('enough')) }),
    {
      code: 'cancelled',
    },
  );
  t.strictSame(await readdir(path), []);
});

t.test('what an interrupted create left is listed, and removed or replaced', async (t) => {
  const { pool, image, path } = await setUp(t);
  await seal(image.path);
  for (const name of ['vd-1.partial', 'vd-1.base', 'vd-2.partial', 'README'])
    await writeFile(join(path, name), 'half');
  t.strictSame(await pool.list(), ['vd-1', 'vd-2']);
  t.equal(await pool.find('vd-1'), undefined);
  const volume = await pool.create('vd-1', { sizeBytes: 64 * MiB, from: image });
  t.ok(await holds(volume, 7));
  await pool.remove('vd-2');
  t.strictSame((await readdir(path)).sort(), ['README', 'vd-1.base', 'vd-1.qcow2']);
  t.equal(await readFile(join(path, 'README'), 'utf8'), 'half', 'foreign files are left alone');
});
