// Backups of a VDisk while a real guest writes to it: one moment, only what changed, cut off and carried on.
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { type TestAgent, testAgent } from '../helpers/agent-process.ts';
import { bootedGuest, registeredImage } from '../helpers/guest-console.ts';
import { GuestShell } from '../helpers/guest-shell.ts';

const run = promisify(execFile);

/** The guest writes the numbers from 1 on, one after the other, into these blocks in turn, each on disk before the next. */
const RING = 16;
const STRIDE = 400;
const BLOCK = 4096;
const WRITER = [
  `echo 'n=0; while [ ! -e /tmp/stop ]; do n=$((n+1)); printf %08d $n |`,
  ` dd of=/dev/vdb bs=${BLOCK} seek=$((n%${RING}*${STRIDE}+8)) conv=fsync 2>/dev/null;`,
  ` echo $n >/tmp/new; mv /tmp/new /tmp/n; done; touch /tmp/done' >/tmp/writer; echo 0 >/tmp/n; (sh /tmp/writer </dev/null &)`,
].join('');

const volume = (agent: TestAgent, id: unknown) => join(agent.stateDir, 'pools/default', `${id}.qcow2`);

async function written(shell: GuestShell): Promise<number> {
  return Number(await shell.run('cat /tmp/n'));
}

async function writtenBeyond(shell: GuestShell, number: number): Promise<void> {
  while ((await written(shell)) <= number);
}

/** The numbers in the ring of a volume, by block. */
async function ring(agent: TestAgent, id: unknown): Promise<number[]> {
  const raw = join(agent.folder, `${id}.raw`);
  await run('qemu-img', ['convert', '-U', '-f', 'qcow2', '-O', 'raw', volume(agent, id), raw]);
  const content = await readFile(raw);
  await rm(raw);
  return [...Array(RING).keys()].map((block) => {
    const at = (block * STRIDE + 8) * BLOCK;
    return Number(content.toString('latin1', at, at + 8).replaceAll('\0', '0'));
  });
}

/** What the ring holds when the guest has written exactly up to `last`. */
function ringAt(last: number): number[] {
  return [...Array(RING).keys()].map((block) =>
    Math.max(0, last - ((((last - block) % RING) + RING) % RING)),
  );
}

const same = (agent: TestAgent, a: unknown, b: unknown) =>
  run('qemu-img', ['compare', '-f', 'qcow2', '-F', 'qcow2', volume(agent, a), volume(agent, b)]);

/** Begins a backup and resolves when some of it has been copied. */
async function underWay(
  agent: TestAgent,
  params: { requestId: string; [name: string]: unknown },
): Promise<void> {
  await agent.call('backupVDisk', { ...params, wait: false });
  for (;;) {
    const { bytesDone } = await agent.call<{ bytesDone?: number }>('getOperation', {
      operationId: params.requestId,
    });
    if (bytesDone) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

t.test('a VDisk is backed up while its guest writes, and restored', async (t) => {
  const agent = await testAgent(t);
  await registeredImage(agent);
  await agent.call('createVServer', { name: 'one', type: 'tiny', imageId: 'guest', vnics: [] });
  await bootedGuest(agent, 'one');
  let shell = await GuestShell.open(agent, 'one');
  t.teardown(() => shell.close());

  let mark = shell.mark;
  const data = await agent.call('createVDisk', { name: 'data', sizeGB: 0.032768 });
  await agent.call('attachVDisk', { vdiskId: 'data', vserverId: 'one' });
  await shell.told('disk.add', 'vdb', mark);
  await shell.run(`printf precious | dd of=/dev/vdb bs=${BLOCK} conv=fsync 2>/dev/null`);

  await shell.run(WRITER);
  await writtenBeyond(shell, RING + 3);
  const before = await written(shell);
  const first = await agent.call('backupVDisk', {
    vdiskId: 'data',
    name: 'first',
    track: true,
    bytesPerSecond: 8_000_000,
  });
  const after = await written(shell);
  const numbers = await ring(agent, first.vdiskId);
  const moment = Math.max(...numbers);
  t.match(first, { state: 'unattached', sizeGB: 0.033, backupSrcVDisk: data.vdiskId, tracked: true });
  t.same(numbers, ringAt(moment), 'the backup is the disk as it was at one moment');
  t.ok(
    before <= moment && moment < after,
    `a moment (${moment}) while the guest wrote (${before} to ${after})`,
  );

  await agent.call('backupVDisk', { vdiskId: 'data', name: 'second', since: 'first', requestId: 'inc' });
  await shell.run('touch /tmp/stop; while [ ! -e /tmp/done ]; do sleep 1; done');
  await agent.call('backupVDisk', { vdiskId: 'data', name: 'third', since: 'second', requestId: 'inc3' });
  const { bytesTotal } = await agent.call<{ bytesTotal: number }>('getOperation', { operationId: 'inc3' });
  t.ok(bytesTotal > 0 && bytesTotal < 4_000_000, `and reads only what changed (${bytesTotal} bytes)`);
  const third = await agent.call('getVDiskAttributes', { vdiskId: 'third' });
  const whole = await agent.call('backupVDisk', { vdiskId: 'data', name: 'whole' });
  await t.resolves(same(agent, third.vdiskId, whole.vdiskId), 'an incremental backup equals a complete one');
  t.same(await ring(agent, whole.vdiskId), ringAt(await written(shell)));
  await t.rejects(agent.call('backupVDisk', { vdiskId: 'data', name: 'x', since: 'first' }), {
    code: 'wrong-state',
    message: /no tracked backup of it, or not as it was taken/,
  });
  await t.rejects(agent.call('backupVDisk', { vdiskId: 'data', name: 'x', freeze: true }), {
    code: 'wrong-state',
    message: /guest agent/,
  });

  const files = await agent.leftovers();
  await underWay(agent, { vdiskId: 'data', name: 'never', bytesPerSecond: 65_536, requestId: 'never' });
  await agent.call('createVDisk', { name: 'other', sizeGB: 0.01 });
  await agent.call('attachVDisk', { vdiskId: 'other', vserverId: 'one' });
  t.match(
    await agent.call('detachVDisk', { vdiskId: 'other' }),
    { state: 'unattached' },
    'its VServer obeys',
  );
  await agent.call('destroyVDisk', { vdiskId: 'other' });
  await t.rejects(agent.call('saveVServer', { vserverId: 'one' }), { message: /copied by operation never/ });
  await agent.call('cancelOperation', { operationId: 'never' });
  await t.rejects(
    agent.call('backupVDisk', { vdiskId: 'data', name: 'never', bytesPerSecond: 65_536, requestId: 'never' }),
    {
      code: 'cancelled',
    },
  );
  t.same(await agent.leftovers(), files, 'a cancelled backup leaves nothing');
  const cut = { vdiskId: 'data', name: 'cut', bytesPerSecond: 4_000_000, requestId: 'cut' };
  await underWay(agent, cut);
  await agent.kill();
  await agent.start();
  const resumed = await agent.call('backupVDisk', cut);
  await t.resolves(same(agent, resumed.vdiskId, whole.vdiskId), 'an agent killed meanwhile takes it again');
  t.same((await agent.leftovers()).length, files.length + 1, 'and leaves nothing else');
  shell.close();
  shell = await GuestShell.open(agent, 'one');

  mark = shell.mark;
  await agent.call('detachVDisk', { vdiskId: 'data' });
  await shell.told('disk.remove', 'vdb', mark);
  await agent.call('restoreVDisk', { vdiskId: 'data', backupId: 'first' });
  mark = shell.mark;
  await agent.call('attachVDisk', { vdiskId: 'data', vserverId: 'one' });
  await shell.told('disk.add', 'vdb', mark);
  t.equal(await shell.run('head -c 8 /dev/vdb'), 'precious');
  const block = (moment % RING) * STRIDE + 8;
  const newest = await shell.run(`dd if=/dev/vdb bs=${BLOCK} skip=${block} count=1 2>/dev/null | head -c 8`);
  t.equal(Number(newest), moment, 'the guest finds what it had written by that moment');

  const slow = { vdiskId: 'data', name: 'ended', bytesPerSecond: 65_536, requestId: 'ended' };
  const kept = await agent.leftovers();
  await underWay(agent, slow);
  t.match(
    await agent.call('powerOffVServer', { vserverId: 'one' }),
    { power: 'off' },
    'power off waits for nothing',
  );
  await t.rejects(agent.call('backupVDisk', slow), { code: 'wrong-state', message: /ended/ });
  t.same(
    (await agent.leftovers()).filter((what) => !kept.includes(what)),
    [],
    'the backup it ended leaves nothing',
  );
});
