// Run inside the KVM host: pools on a real LVM thin pool and on a real NFS export, also when its server goes away.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { openPool, type Pool, type Source } from '../../agent/storage/mod.ts';

const MiB = 2 ** 20;
const execute = promisify(execFile);
const shell = async (text: string) => (await execute('sh', ['-ec', text])).stdout.trim();

/** Writes `pattern` over the first megabyte, as a guest would. */
async function fill({ path, format }: Source, pattern: number): Promise<void> {
  await execute('qemu-io', ['-f', format, '-c', `write -P ${pattern} 0 1M`, path]);
}

async function holds({ path, format }: Source, pattern: number, offset = '0'): Promise<boolean> {
  const command = `read -P ${pattern} ${offset} 1M`;
  const { stdout } = await execute('qemu-io', ['-r', '-f', format, '-c', command, path]);
  return !/verification failed/i.test(stdout);
}

async function step(name: string, task: () => Promise<void>): Promise<void> {
  const start = performance.now();
  await task();
  console.log(`ok ${name} (${Math.round(performance.now() - start)} ms)`);
}

const image: Source = { path: '/var/tmp/image.qcow2', format: 'qcow2' };

/** The same life on every kind of pool. */
async function life(pool: Pool): Promise<void> {
  const before = await pool.list();
  const disk = await pool.create('vd-1', { sizeBytes: 64 * MiB, from: image });
  assert.deepEqual(await pool.create('vd-1', { sizeBytes: 64 * MiB, from: image }), disk);
  assert.ok(await holds(disk, 7), 'the image is on the disk');
  const backup = await pool.create('vd-2', { sizeBytes: 64 * MiB, from: disk });
  await fill(disk, 9);
  assert.ok(await holds(backup, 7), 'the backup is of its moment');
  const grown = await pool.grow('vd-1', 96 * MiB);
  assert.equal(grown.sizeBytes, 96 * MiB);
  assert.ok((await holds(grown, 9)) && (await holds(grown, 0, '90M')));
  const restored = await pool.overwrite('vd-1', backup);
  assert.deepEqual([restored.path, restored.sizeBytes], [disk.path, 96 * MiB]);
  assert.ok(await holds(restored, 7), 'restored');
  assert.deepEqual((await pool.find('vd-1'))?.sizeBytes, 96 * MiB);
  const blank = await pool.create('vd-3', { sizeBytes: 8 * MiB });
  assert.ok(await holds(blank, 0), 'a blank volume is blank');
  assert.deepEqual(await pool.list(), [...before, 'vd-1', 'vd-2', 'vd-3']);
  for (const id of ['vd-1', 'vd-2', 'vd-3', 'vd-3']) await pool.remove(id);
  assert.deepEqual(await pool.list(), before);
}

async function lvmThin(): Promise<void> {
  await shell(`modprobe dm_thin_pool
    truncate -s 1G /var/tmp/pv.img
    device=$(losetup --find --show /var/tmp/pv.img)
    vgcreate -qq ikt-vg "$device"
    lvcreate -qq -y --type thin-pool -L 512M -n thin ikt-vg
    lvcreate -qq -y -W n -L 4M -n foreign ikt-vg`);
  const pool = openPool({ name: 'fast', kind: 'lvm-thin', volumeGroup: 'ikt-vg', thinPool: 'thin' });
  await step('LVM thin: opened', () => pool.open());
  await step('LVM thin: the life of a volume', () => life(pool));
  await step('LVM thin: a volume larger than the pool takes no space until written', async () => {
    const { freeBytes } = await pool.capacity();
    await pool.create('vd-9', { sizeBytes: 4096 * MiB });
    assert.ok(freeBytes - (await pool.capacity()).freeBytes < 8 * MiB);
  });
  await step('LVM thin: cancelled in the middle, nothing is left', async () => {
    const stop = new AbortController();
    const from: Source = { path: '/dev/ikt-vg/foreign', format: 'raw' };
    const onProgress = () => stop.abort();
    const asked = pool.create('vd-8', { sizeBytes: 4 * MiB, from }, { signal: stop.signal, onProgress });
    await assert.rejects(asked, { code: 'cancelled' });
    assert.deepEqual(await pool.list(), ['vd-9']);
  });
  await step('LVM thin: foreign volumes are not ours', async () => {
    await pool.remove('foreign');
    assert.match(await shell('lvs --noheadings -o lv_name ikt-vg'), /foreign/);
    await pool.remove('vd-9');
  });
  await shell('vgremove -f -y -qq ikt-vg; losetup -D');
}

/** The agent itself: files here and another pool, while the server is away. */
async function aliveElsewhere(): Promise<void> {
  const near = openPool({ name: 'near', kind: 'directory', path: '/var/tmp/near' });
  await near.open();
  await near.create('vd-1', { sizeBytes: MiB });
  await near.remove('vd-1');
  assert.ok((await readFile('/etc/hostname')).length > 0);
}

async function nfs(): Promise<void> {
  await mkdir('/srv/export', { recursive: true });
  await appendFile('/etc/exports', '/srv/export 127.0.0.1(rw,no_root_squash,insecure,fsid=1)\n');
  await shell('ip link set lo up; systemctl start nfs-server; exportfs -ra');
  const helper = { timeoutMs: 5000, syncTimeoutMs: 20_000 };
  const path = '/mnt/ikt-nfs';
  const pool = openPool({ name: 'nas', kind: 'nfs', source: '127.0.0.1:/srv/export', path, helper });
  await step('NFS: mounted', () => pool.open());
  await step('NFS: the life of a volume', () => life(pool));
  await pool.create('vd-5', { sizeBytes: MiB });
  await step('NFS: a dead server fails its own calls in time, and nobody else', async () => {
    await shell(`nft add table inet ikt; nft 'add chain inet ikt out { type filter hook output priority 0; }'
      nft add rule inet ikt out tcp dport 2049 drop; nft add rule inet ikt out tcp sport 2049 drop`);
    // More than Node has threads for files.
    const stuck = Promise.allSettled(
      Array.from({ length: 8 }, (_, n) => pool.create(`vd-${n + 10}`, { sizeBytes: MiB })),
    );
    await aliveElsewhere();
    for (const outcome of await stuck) {
      assert.equal(outcome.status, 'rejected');
      assert.match(String(outcome.reason), /Pool nas did not answer within 5000 ms/);
    }
    await assert.rejects(pool.capacity(), { code: 'internal' });
    await aliveElsewhere();
  });
  await step('NFS: back again, it is the same pool', async () => {
    await shell('nft delete table inet ikt');
    let answers = false;
    for (let tries = 0; !answers && tries < 20; tries += 1) {
      answers = await pool.find('vd-5').then(
        (volume) => volume?.sizeBytes === MiB,
        () => false,
      );
    }
    assert.ok(answers);
    for (const id of await pool.list()) await pool.remove(id);
    assert.deepEqual(await readdir('/srv/export'), []);
  });
  await step('NFS: unmounted, nothing is written below it', async () => {
    await shell(`umount ${path}`);
    await assert.rejects(pool.create('vd-1', { sizeBytes: MiB }), /is not mounted/);
    assert.deepEqual(await readdir(path), []);
    await pool.close();
  });
}

await shell(
  `qemu-img create -q -f qcow2 ${image.path} 64M; qemu-io -c 'write -P 7 0 1M' ${image.path}; chmod 444 ${image.path}`,
);
assert.ok((await stat(image.path)).isFile());

await lvmThin();
await nfs();
console.log('all pools held');
