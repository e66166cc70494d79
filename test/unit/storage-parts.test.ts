// The small parts of storage: promises of space, locks, mounts, progress, checksums, names, children.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parseChecksum } from '../../agent/storage/checksum.ts';
import { run } from '../../agent/storage/child.ts';
import { compressionOf } from '../../agent/storage/compression.ts';
import { humanBytes, printable } from '../../agent/storage/errors.ts';
import { shownUri } from '../../agent/storage/http-request.ts';
import { KeyedLock } from '../../agent/storage/keyed-lock.ts';
import { openPool, reservable } from '../../agent/storage/mod.ts';
import { isRemote, mountOf, parseMountInfo } from '../../agent/storage/mounts.ts';
import { percentReader } from '../../agent/storage/qemu-img.ts';
import { idOf, volumePaths } from '../../agent/storage/volume-files.ts';

t.test('space is promised once, and a part of the pool never', async (t) => {
  const pool = { totalBytes: 1000, freeBytes: 600, reservedBytes: 300, keepFreePercent: 10 };
  t.strictSame(reservable({ ...pool, askedBytes: 200 }), { fits: true, availableBytes: 200 });
  t.strictSame(reservable({ ...pool, askedBytes: 201 }), { fits: false, availableBytes: 200 });
  t.strictSame(reservable({ ...pool, reservedBytes: 900, askedBytes: 1 }), {
    fits: false,
    availableBytes: 0,
  });
});

t.test('tasks of one key run in order, even after a failure; other keys do not wait', async (t) => {
  const lock = new KeyedLock();
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = lock.run('a', async () => {
    await gate.promise;
    order.push('a1');
    throw new Error('first failed');
  });
  const second = lock.run('a', async () => void order.push('a2'));
  await lock.run('b', async () => void order.push('b1'));
  t.strictSame(order, ['b1']);
  t.ok(lock.has('a'));
  gate.resolve();
  await t.rejects(first, { message: 'first failed' });
  await second;
  t.strictSame(order, ['b1', 'a1', 'a2']);
  await sleep(0);
  t.notOk(lock.has('a'), 'nothing is remembered of finished keys');
});

t.test('the mount of a path is the longest, the last, and never a mere prefix', async (t) => {
  const mounts = parseMountInfo(
    [
      '22 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
      '40 22 0:40 / /srv/pool rw shared:1 - nfs4 nas:/export rw,vers=4.2',
      '41 22 0:41 / /srv/with\\040space rw - fuse.sshfs host: rw',
      '42 40 0:42 / /srv/pool/fast rw - xfs /dev/vdb rw',
      'nonsense',
    ].join('\n'),
  );
  t.equal(mountOf(mounts, '/srv/pool/volumes')?.type, 'nfs4');
  t.equal(mountOf(mounts, '/srv/pool')?.type, 'nfs4');
  t.equal(mountOf(mounts, '/srv/pool/fast/x')?.type, 'xfs');
  t.equal(mountOf(mounts, '/srv/pool2')?.type, 'ext4');
  t.equal(mountOf(mounts, '/srv/with space/x')?.source, 'host:');
  t.ok(isRemote(mountOf(mounts, '/srv/pool')));
  t.ok(isRemote(mountOf(mounts, '/srv/with space')));
  t.notOk(isRemote(mountOf(mounts, '/srv/pool/fast')));
});

t.test('progress is read from whatever pieces arrive', async (t) => {
  const seen: number[] = [];
  const read = percentReader((percent) => seen.push(percent));
  for (const piece of ['    (0.0', '0/100%)\r', '    (12.50/100%)\r    (40.0', '1/10', '0%)\r']) read(piece);
  t.strictSame(seen, [0, 12.5, 40.01]);
});

t.test('checksums are SHA-2 with all their digits', async (t) => {
  t.equal(parseChecksum(`SHA256:${'AB'.repeat(32)}`), `sha256:${'ab'.repeat(32)}`);
  t.equal(parseChecksum(`sha512:${'0'.repeat(128)}`).length, 135);
  for (const bad of [
    '',
    'md5:d41d8cd98f00b204e9800998ecf8427e',
    'sha256:',
    `sha256:${'g'.repeat(64)}`,
    'toString:x',
  ]) {
    t.throws(() => parseChecksum(bad), { code: 'invalid' });
  }
});

t.test('compressed images are known by their first bytes', async (t) => {
  t.equal(compressionOf(Buffer.from('1f8b0800', 'hex')), 'gzip');
  t.equal(compressionOf(Buffer.from('fd377a585a0000', 'hex')), 'xz');
  t.equal(compressionOf(Buffer.from('28b52ffd24', 'hex')), 'zstd');
  t.equal(compressionOf(Buffer.from('BZh9')), 'bzip2');
  t.equal(compressionOf(Buffer.from('fd377a', 'hex')), undefined);
});

t.test('an id can be nothing but part of a file name', async (t) => {
  for (const bad of ['', '.', '..', 'a/b', '../x', '-f', 'a.b', 'a\0b', 'ä', 'x'.repeat(65), 'json:{}']) {
    t.throws(() => volumePaths('/pool', bad), { code: 'invalid' }, JSON.stringify(bad));
  }
  t.equal(idOf('vd-1.qcow2'), 'vd-1');
  t.equal(idOf('vd-1.partial'), 'vd-1');
  t.equal(idOf('lost+found'), undefined);
  t.equal(idOf('notes.txt'), undefined);
  t.throws(() => openPool({ name: 'p', kind: 'directory', path: 'relative' }), { code: 'invalid' });
});

t.test('what is shown of a URI holds no secrets, and of foreign text no control characters', async (t) => {
  t.equal(shownUri('https://me:secret@host:8443/i.qcow2?sig=abc#x'), 'https://host:8443/i.qcow2');
  t.equal(printable('a\u001b[31mb\nc'), 'a [31mb c');
  t.equal(humanBytes(1536), '1.5 KiB');
  t.equal(humanBytes(512), '512 bytes');
});

t.test('a child is stopped by its time, its memory and its signal', async (t) => {
  await t.rejects(run('sleep', ['100'], { timeoutMs: 100 }), {
    name: 'ChildFailure',
    message: /longer than 100 ms/,
  });
  const stop = new AbortController();
  const stopped = run('sleep', ['100'], { signal: stop.signal });
  stop.abort();
  await t.rejects(stopped, { name: 'AbortError' });
  await t.rejects(run('sleep', ['100'], { signal: AbortSignal.abort() }), { name: 'AbortError' });
  await t.rejects(run('head', ['-c', '200M', '/dev/zero']), { name: 'ChildFailure' }, 'endless output');
  await t.rejects(run('tail', ['-c', '200M', '/dev/zero'], { memoryBytes: 64 * 2 ** 20 }), {
    name: 'ChildFailure',
  });
  await t.rejects(run('no-such-tool', []), { name: 'ChildFailure', message: /no-such-tool/ });
});

t.test('children do not outlive an agent that is killed', async (t) => {
  const child = fileURLToPath(new URL('../../agent/storage/child.ts', import.meta.url));
  const code = `import { run } from ${JSON.stringify(child)};
    run('sh', ['-c', 'echo $$; exec sleep 1000'], { onStdout: (text) => process.stdout.write(text) });`;
  const agent = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = await once(agent.stdout.setEncoding('utf8'), 'data');
  const process_ = `/proc/${Number(text)}`;
  t.ok(existsSync(process_));
  agent.kill('SIGKILL');
  await once(agent, 'exit');
  for (let tries = 0; existsSync(process_) && tries < 500; tries += 1) await sleep(10);
  t.notOk(existsSync(process_));
});
