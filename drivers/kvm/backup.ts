// Copies of a running machine's disk at one moment, by QEMU's own backup job over the agent's QMP monitor.
import { type DiskBackup, type DiskBackupRef, DriverError } from '../hypervisor.ts';
import type { AskGuest, DiskBackups } from '../libvirt-hypervisor/dialect.ts';
import {
  blockdevAdd,
  blockdevDel,
  type QmpDisk,
  QmpLostError,
  QmpMonitor,
  queryBlockNodes,
  queryDisks,
  removeBitmap,
  startBackup,
} from '../qmp/mod.ts';
import { endJob, machineEnded, runJob } from './backup-job.ts';
import { diskAlias } from './device-xml.ts';

/** Everything a backup makes inside QEMU is found again by its id. A node's name may have 31 characters. */
const jobOf = (id: string): string => `ik-copy-${id}`;
const nodeOf = (id: string): string => `ik-copy-${id}`;
const BITMAPS = 'ik-since-';
const bitmapOf = (id: string): string => `${BITMAPS}${id}`;

/** A monitor that another client of ours holds is free again in a moment. */
const MONITOR_MS = 20_000;

export const backups: DiskBackups = { take, clear };

/** @see https://qemu-project.gitlab.io/qemu/interop/bitmaps.html */
async function take(position: number, backup: DiskBackup, askGuest: AskGuest): Promise<void> {
  checkId(backup.id);
  const monitor = await QmpMonitor.open({ path: backup.qmpSocket, connectTimeoutMs: MONITOR_MS });
  try {
    // One that was cut off while it held the guest must not hold it for ever.
    if (backup.freeze) await askGuest('guest-fsfreeze-thaw').catch(() => {});
    await clearIn(monitor, position, backup.id);
    const disk = await findDisk(monitor, position);
    if (backup.since !== undefined) requireBitmap(disk, backup.since);
    if (backup.track || backup.since !== undefined) await dropOldBitmaps(monitor, disk, backup.since);
    try {
      await copy(monitor, disk, backup, askGuest);
      await blockdevDel(monitor, nodeOf(backup.id));
    } catch (error) {
      // What cannot be cleared now is cleared by `clear`, and must not hide the failure.
      await clearIn(monitor, position, backup.id).catch(() => {});
      throw error;
    }
  } catch (error) {
    throw error instanceof QmpLostError ? machineEnded(error) : error;
  } finally {
    monitor.close();
  }
}

/** Thaws, and takes back job, node and bitmap; there is nothing where no monitor answers. */
async function clear(position: number, backup: DiskBackupRef, askGuest: AskGuest): Promise<void> {
  if (backup.freeze) await askGuest('guest-fsfreeze-thaw').catch(() => {});
  let monitor: QmpMonitor;
  try {
    monitor = await QmpMonitor.open({ path: backup.qmpSocket, connectTimeoutMs: MONITOR_MS });
  } catch (error) {
    if (['ENOENT', 'ECONNREFUSED'].includes(String(causeCode(error)))) return;
    throw error;
  }
  try {
    await clearIn(monitor, position, backup.id);
  } finally {
    monitor.close();
  }
}

async function copy(
  monitor: QmpMonitor,
  disk: QmpDisk,
  backup: DiskBackup,
  askGuest: AskGuest,
): Promise<void> {
  const { id, target, track, since, bytesPerSecond, signal, onProgress } = backup;
  const block = target.path.startsWith('/dev/');
  await blockdevAdd(monitor, {
    driver: target.format,
    'node-name': nodeOf(id),
    // Its own header must not lead QEMU anywhere else.
    ...(target.format === 'qcow2' ? { backing: null } : {}),
    discard: 'unmap',
    'detect-zeroes': 'unmap',
    file: { driver: block ? 'host_device' : 'file', filename: target.path, discard: 'unmap' },
  });
  const start = () =>
    startBackup(monitor, {
      jobId: jobOf(id),
      device: disk.nodeName,
      target: nodeOf(id),
      ...(since === undefined ? {} : { bitmap: bitmapOf(since) }),
      // Only qcow2 can keep a bitmap over a power-off.
      ...(track ? { newBitmap: { name: bitmapOf(id), persistent: disk.driver === 'qcow2' } } : {}),
      ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
    });
  const watch = { ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) };
  await runJob(monitor, jobOf(id), backup.freeze ? () => frozen(askGuest, start) : start, watch);
}

/** @throws DriverError `wrong-state` if the guest has no agent that answers; it is thawed in any case */
async function frozen(askGuest: AskGuest, act: () => Promise<void>): Promise<void> {
  try {
    await askGuest('guest-fsfreeze-freeze');
  } catch (error) {
    await askGuest('guest-fsfreeze-thaw').catch(() => {});
    const why = error instanceof Error ? error.message : String(error);
    throw new DriverError(
      'wrong-state',
      `the guest cannot be frozen (is its guest agent running?); back up without freezing, or start it: ${why}`,
      error,
    );
  }
  try {
    await act();
  } finally {
    await askGuest('guest-fsfreeze-thaw');
  }
}

async function clearIn(monitor: QmpMonitor, position: number, id: string): Promise<void> {
  await endJob(monitor, jobOf(id));
  const nodes = await queryBlockNodes(monitor);
  if (nodes.some(({ nodeName }) => nodeName === nodeOf(id))) await blockdevDel(monitor, nodeOf(id));
  const disk = (await queryDisks(monitor)).find(isAt(position));
  if (disk?.bitmaps.some(({ name }) => name === bitmapOf(id))) {
    await removeBitmap(monitor, disk.nodeName, bitmapOf(id));
  }
}

/** Bitmaps cost memory and writes: only the one that is asked for and the new one stay. */
async function dropOldBitmaps(monitor: QmpMonitor, disk: QmpDisk, since: string | undefined): Promise<void> {
  for (const { name } of disk.bitmaps) {
    const wanted = since !== undefined && name === bitmapOf(since);
    if (name.startsWith(BITMAPS) && !wanted) await removeBitmap(monitor, disk.nodeName, name);
  }
}

const isAt = (position: number) => {
  const path = new RegExp(`/${diskAlias(position)}(/|$)`);
  return ({ device }: QmpDisk): boolean => path.test(device);
};

async function findDisk(monitor: QmpMonitor, position: number): Promise<QmpDisk> {
  const disk = (await queryDisks(monitor)).find(isAt(position));
  if (disk) return disk;
  throw new DriverError('not-found', `the running machine has no disk at position ${position}`);
}

function requireBitmap(disk: QmpDisk, since: string): void {
  const bitmap = disk.bitmaps.find(({ name }) => name === bitmapOf(since));
  if (bitmap && !bitmap.inconsistent) return;
  const why = bitmap
    ? 'the record of changes was damaged when the machine ended abruptly'
    : 'there is no record of what changed since';
  throw new DriverError('wrong-state', `no backup since ${since} can be taken: ${why}; take a complete one`);
}

function checkId(id: string): void {
  if (!/^[A-Za-z0-9-]{1,20}$/.test(id))
    throw new DriverError('invalid', `${id} cannot be the id of a backup`);
}

function causeCode(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}
