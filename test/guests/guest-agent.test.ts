// QEMU's own guest agent in a real guest: it holds the file systems for the moment of a backup, and shuts the guest down.
import { execFile } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { type TestAgent, testAgent } from '../helpers/agent-process.ts';
import { bootedGuest, registeredImage } from '../helpers/guest-console.ts';
import { GuestShell } from '../helpers/guest-shell.ts';
import { eventsOf, eventually, statusWhen } from '../helpers/waiting.ts';
import { agentDisk } from '../images/agent-disk.ts';

const run = promisify(execFile);

/** Files one after the other, complete as soon as they have their name; nothing is ever flushed. */
const WRITER = [
  'n=0; while [ ! -e /tmp/stop ]; do n=$((n+1)); echo "$n $n $n" >/mnt/new; mv /mnt/new /mnt/f.$n;',
  ' echo $n >/tmp/n.new; mv /tmp/n.new /tmp/n; done; touch /tmp/done',
].join('');

/** An ext4 file system with a journal, as a DiskImage of the agent. */
async function registerExt4(agent: TestAgent): Promise<void> {
  const path = join(agent.folder, 'ext4.img');
  const tree = join(agent.folder, 'tree');
  await mkdir(tree);
  await writeFile(join(tree, 'hello'), 'hello');
  await run('mke2fs', ['-q', '-t', 'ext4', '-d', tree, path, '16M']);
  await agent.call('registerDiskImage', { name: 'ext4', uri: `file://${path}`, format: 'raw' });
}

async function plug(agent: TestAgent, shell: GuestShell, name: string, imageId: string, device: string) {
  const { mark } = shell;
  await agent.call('createVDisk', { name, imageId, sizeGB: 0.02 });
  await agent.call('attachVDisk', { vdiskId: name, vserverId: 'one' });
  await shell.told('disk.add', device, mark);
}

t.test('the guest agent holds a guest for its backup, and shuts it down', async (t) => {
  const agent = await testAgent(t);
  await registeredImage(agent);
  await registerExt4(agent);
  const tools = join(agent.folder, 'agent.img');
  await copyFile(await agentDisk(), tools);
  await agent.call('registerDiskImage', { name: 'tools', uri: `file://${tools}`, format: 'raw' });
  await agent.call('createVServer', { name: 'one', type: 'tiny', imageId: 'guest', vnics: [] });
  await bootedGuest(agent, 'one');
  const shell = await GuestShell.open(agent, 'one');
  t.teardown(() => shell.close());

  await plug(agent, shell, 'tools', 'tools', 'vdb');
  await plug(agent, shell, 'data', 'ext4', 'vdc');
  await shell.run('mkdir -p /tools /mnt && mount -t iso9660 -o ro /dev/vdb /tools && sh /tools/start');
  await shell.run('mount -t ext4 /dev/vdc /mnt && cat /mnt/hello');
  await eventually(
    () => eventsOf(agent),
    (events) => events.some(({ type, data }) => type === 'vserver.guest-agent' && data.connected === true),
    'the event of a guest agent',
  );

  await shell.run(`echo '${WRITER}' >/tmp/writer; echo 0 >/tmp/n; (sh /tmp/writer </dev/null &)`);
  const written = async () => Number(await shell.run('cat /tmp/n'));
  await eventually(written, (count) => count > 20, 'the first files');
  const before = await written();
  const backup = await agent.call('backupVDisk', { vdiskId: 'data', name: 'held', freeze: true });
  await eventually(written, (count) => count > before + 20, 'files written after the guest was let go');
  await shell.run('touch /tmp/stop; while [ ! -e /tmp/done ]; do sleep 1; done');

  const raw = join(agent.folder, 'held.raw');
  const volume = join(agent.stateDir, 'pools/default', `${backup.vdiskId}.qcow2`);
  await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', volume, raw]);
  const { stdout: features } = await run('dumpe2fs', ['-h', raw]);
  t.notMatch(features, /needs_recovery/, 'the file system was at rest: its journal need not be replayed');
  await t.resolves(run('e2fsck', ['-fn', raw]), 'and has no fault');
  const { stdout: listing } = await run('debugfs', ['-R', 'ls -p /', raw]);
  const numbers = [...listing.matchAll(/\/f\.(\d+)\//g)]
    .map(([, number]) => Number(number))
    .sort((a, b) => a - b);
  t.same(
    numbers,
    [...Array(numbers.length).keys()].map((index) => index + 1),
    'every file up to one moment',
  );
  t.ok(
    numbers.length >= before,
    `also what was only in memory: ${numbers.length} files, ${before} before the backup`,
  );
  const last = numbers.length;
  const { stdout: content } = await run('debugfs', ['-R', `cat /f.${last}`, raw]);
  t.equal(content, `${last} ${last} ${last}\n`, 'and the last one is whole');

  // Deaf to the power button: only the agent's own way is left, which runs /sbin/shutdown.
  const script = '#!/bin/sh\\necho "GUEST shutdown=agent" >/dev/console\\nsync\\npoweroff -f\\n';
  await shell.run(
    `touch /tmp/deaf; mkdir -p /sbin; printf '${script}' >/sbin/shutdown; chmod 755 /sbin/shutdown`,
  );
  const mark = shell.mark;
  await agent.call('stopVServer', { vserverId: 'one' });
  await shell.told('shutdown', 'agent', mark);
  const down = await statusWhen(agent, 'one', ({ state }) => state === 'inactive');
  t.match(
    down,
    { reason: /guest shut down/ },
    'a guest that does not hear the button is shut down by its agent',
  );
});
