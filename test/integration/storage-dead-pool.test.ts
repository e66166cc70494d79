// A pool whose server does not answer: its calls fail in time, everything else goes on, and it comes back.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openPool } from '../../agent/storage/mod.ts';
import { mountLoop, scratch, tool } from '../helpers/disks.ts';

const MiB = 2 ** 20;

/** A pool behind a helper, with the process ids of all the helpers it has had. */
async function remotePool(t: Test, path: string) {
  const helpers: number[] = [];
  const helper = { timeoutMs: 2000, syncTimeoutMs: 2000, onHelper: (pid: number) => void helpers.push(pid) };
  const pool = openPool({ name: 'far', kind: 'directory', path, remote: true, helper });
  t.teardown(() => pool.close());
  await pool.open();
  return { pool, helpers };
}

t.test('through a helper everything works as without', async (t) => {
  const { pool, helpers } = await remotePool(t, join(await scratch(t), 'pool'));
  const volume = await pool.create('vd-1', { sizeBytes: MiB });
  t.strictSame(await pool.find('vd-1'), volume);
  t.ok((await pool.capacity()).freeBytes > 0);
  const [a, b] = await Promise.all([pool.list(), pool.list()]);
  t.strictSame(a, b);
  await t.rejects(pool.grow('vd-2', MiB), { code: 'not-found' });
  await pool.remove('vd-1');
  t.strictSame(await pool.list(), []);
  t.equal(helpers.length, 1, 'one process for the pool');
});

t.test('a helper that hangs is given up, and the next call has a new one', async (t) => {
  const { pool, helpers } = await remotePool(t, join(await scratch(t), 'pool'));
  process.kill(helpers[0]!, 'SIGSTOP');
  // More calls than Node has threads for files.
  const calls = Array.from({ length: 12 }, () => pool.capacity());
  t.ok((await readFile('/proc/self/stat')).length > 0, 'other files are read meanwhile');
  const message = /Pool far did not answer within 2000 ms; is its server reachable\?/;
  for (const call of calls) await t.rejects(call, { code: 'internal', message });
  t.ok((await pool.capacity()).totalBytes > 0);
  t.equal(helpers.length, 2);
});

t.test('a helper that is killed costs its calls, not the pool', async (t) => {
  const { pool, helpers } = await remotePool(t, join(await scratch(t), 'pool'));
  process.kill(helpers[0]!, 'SIGSTOP');
  const call = pool.capacity();
  process.kill(helpers[0]!, 'SIGKILL');
  await t.rejects(call, { code: 'internal', message: /ended unexpectedly|is gone/ });
  t.ok((await pool.capacity()).totalBytes > 0);
});

t.test('a file system that blocks every write blocks neither the agent nor other pools', async (t) => {
  const directory = await scratch(t);
  const path = await mountLoop(t, directory, 'ext4', '32M');
  const { pool } = await remotePool(t, path);
  const near = openPool({ name: 'near', kind: 'directory', path: join(directory, 'near') });
  await near.open();
  await pool.create('vd-0', { sizeBytes: MiB });
  await tool('fsfreeze', '-f', path);
  let frozen = true;
  const thaw = async () => {
    if (frozen) await tool('fsfreeze', '-u', path);
    frozen = false;
  };
  t.teardown(thaw);
  // Uninterruptible, as a dead server is: five of them would take all of Node's threads.
  const stuck = Array.from({ length: 5 }, (_, n) => pool.remove(`vd-${n}`));
  const removed = Promise.allSettled(stuck);
  await near.create('vd-1', { sizeBytes: MiB });
  t.ok((await stat(directory)).isDirectory());
  t.ok((await near.capacity()).totalBytes > 0);
  const outcomes = await removed;
  const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
  t.ok(failed.length > 0, 'what had to write was given up');
  t.match(failed[0], { reason: { code: 'internal', message: /did not answer/ } });
  await thaw();
  await pool.remove('vd-0');
  await pool.create('vd-1', { sizeBytes: MiB });
  t.strictSame(await pool.list(), ['vd-1'], 'after the thaw it is a pool again');
});

t.test('on a file system with reflinks a copy shares its blocks', async (t) => {
  const directory = await scratch(t);
  const path = await mountLoop(t, directory, 'btrfs', '256M');
  const pool = openPool({ name: 'cow', kind: 'directory', path, clone: 'auto' });
  await pool.open();
  const image = join(path, 'image');
  await tool('sh', '-c', `head -c 40M /dev/urandom > ${image}; chmod 444 ${image}; sync -f ${image}`);
  const before = (await pool.capacity()).freeBytes;
  const volumes = await Promise.all(
    ['vd-1', 'vd-2', 'vd-3'].map((id) =>
      pool.create(id, { sizeBytes: 48 * MiB, from: { path: image, format: 'raw' } }),
    ),
  );
  t.ok(before - (await pool.capacity()).freeBytes < 20 * MiB, 'three copies of 40 MiB cost less than one');
  t.strictSame(volumes[0], { path: join(path, 'vd-1.raw'), format: 'raw', sizeBytes: 48 * MiB });
  const same = `cmp -n ${40 * MiB} ${image} ${volumes[2]?.path} && echo same`;
  t.equal(await tool('sh', '-c', same), 'same\n');
  t.strictSame(await pool.find('vd-1'), volumes[0]);
});
