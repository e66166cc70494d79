// Backups of a running machine's disk by the KVM driver: when the guest is held, and what is left when it fails.
import { execFile } from 'node:child_process';
import { chmod, open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import type { DiskBackup } from '../../drivers/hypervisor.ts';
import { backups } from '../../drivers/kvm/backup.ts';
import { QmpMonitor, queryBlockNodes, queryDisks, queryJobs } from '../../drivers/qmp/mod.ts';
import { kvmHost } from '../helpers/kvm-host.ts';

const run = promisify(execFile);
const host = await kvmHost((act) => t.teardown(act));
const qmpSocket = join(host.folder, 'qmp');

/** What of backups is in the machine. */
async function traces(): Promise<string[]> {
  const monitor = await QmpMonitor.open({ path: qmpSocket });
  try {
    const jobs = (await queryJobs(monitor)).map(({ id }) => `job ${id}`);
    const nodes = (await queryBlockNodes(monitor)).map(({ nodeName }) => `node ${nodeName}`);
    const bitmaps = (await queryDisks(monitor)).flatMap((disk) =>
      disk.bitmaps.map(({ name }) => `bitmap ${name}`),
    );
    return [...jobs, ...nodes, ...bitmaps].filter((name) => / ik-/.test(name));
  } finally {
    monitor.close();
  }
}

async function backup(id: string, more: Partial<DiskBackup> = {}): Promise<DiskBackup> {
  const path = join(host.folder, `${id}.qcow2`);
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', path, String(4 << 20)]);
  await chmod(path, 0o666);
  return { id, qmpSocket, target: { path, format: 'qcow2' }, ...more };
}

t.test('a guest is held for the moment of the copy only, and let go whatever happens', async (t) => {
  const machine = await host.machine('backup', { qmpSocket });
  const file = await open(machine.disks[0]!.path, 'r+');
  await file.write(Buffer.alloc(1 << 20, 'x'));
  await file.close();
  await host.hypervisor.define(machine);
  await host.hypervisor.start(machine.name);

  const asked: string[] = [];
  const agent = async (command: string) => void asked.push(command.replace('guest-fsfreeze-', ''));
  const taken = await backup('vd-1', { freeze: true, track: true });
  await backups.take(0, taken, agent);
  t.same(asked, ['thaw', 'freeze', 'thaw'], 'one that was left held is let go first');
  const compared = ['compare', '-U', '-f', 'raw', '-F', 'qcow2', machine.disks[0]!.path, taken.target.path];
  await t.resolves(run('qemu-img', compared), 'the copy is the disk');
  t.same(await traces(), ['bitmap ik-since-vd-1'], 'only the record of changes stays');

  asked.length = 0;
  const deaf = async (command: string) => {
    await agent(command);
    if (command === 'guest-fsfreeze-freeze') throw new Error('no answer');
  };
  const failing = backups.take(0, await backup('vd-2', { freeze: true, since: 'vd-1', track: true }), deaf);
  await t.rejects(failing, { code: 'wrong-state', message: /cannot be frozen.*no answer/ });
  t.same(asked, ['thaw', 'freeze', 'thaw'], 'a half-held guest is let go');
  t.same(await traces(), ['bitmap ik-since-vd-1'], 'and the earlier backup can still be built on');

  const unknown = host.hypervisor.backupDisk(machine.name, 0, await backup('vd-3', { since: 'vd-0' }));
  await t.rejects(unknown, { code: 'wrong-state', message: /no record of what changed since/ });
  const elsewhere = host.hypervisor.backupDisk(machine.name, 7, await backup('vd-4'));
  await t.rejects(elsewhere, { code: 'not-found', message: /no disk at position 7/ });

  await host.hypervisor.powerOff(machine.name);
  const gone = { id: 'vd-2', qmpSocket, freeze: true };
  await t.resolves(host.hypervisor.clearBackup(machine.name, 0, gone), 'a machine that is off has nothing');
});
