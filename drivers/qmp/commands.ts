// The QMP commands the driver uses, one function each, with their results checked as far as they are used.
import { QmpProtocolError } from './errors.ts';
import type { Json } from './messages.ts';
import type { ExecuteOptions } from './monitor.ts';

/** What the commands need of a monitor. */
export interface QmpExecutor {
  execute(command: string, args?: Json, options?: ExecuteOptions): Promise<unknown>;
}

/** State of one of QEMU's jobs (`query-jobs`). */
export interface QmpJob {
  id: string;
  type: string;
  /** `created`, `running`, `ready`, `pending`, `concluded` … */
  status: string;
  /** Progress in units of the job's own (bytes for block jobs). */
  current: number;
  total: number;
  /** Set when it has failed. */
  error?: string;
}

/** A node of the block graph (`query-named-block-nodes`), as far as the driver looks. */
export interface QmpBlockNode {
  nodeName: string;
  driver: string;
  file: string;
  readOnly: boolean;
}

function object(command: string, value: unknown): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new QmpProtocolError(`${command} did not return an object`);
}

function objects(command: string, value: unknown): Json[] {
  if (!Array.isArray(value)) throw new QmpProtocolError(`${command} did not return a list`);
  return value.map((item) => object(command, item));
}

/** `running`, `paused`, `prelaunch`, `shutdown`, `guest-panicked`, `io-error` … */
export async function queryStatus(monitor: QmpExecutor, options?: ExecuteOptions): Promise<string> {
  return String(object('query-status', await monitor.execute('query-status', undefined, options)).status);
}

export async function queryJobs(monitor: QmpExecutor, options?: ExecuteOptions): Promise<QmpJob[]> {
  const jobs = objects('query-jobs', await monitor.execute('query-jobs', undefined, options));
  return jobs.map((job) => ({
    id: String(job.id),
    type: String(job.type),
    status: String(job.status),
    current: Number(job['current-progress']),
    total: Number(job['total-progress']),
    ...(job.error === undefined ? {} : { error: String(job.error) }),
  }));
}

export async function queryBlockNodes(
  monitor: QmpExecutor,
  options?: ExecuteOptions,
): Promise<QmpBlockNode[]> {
  const command = 'query-named-block-nodes';
  const nodes = objects(command, await monitor.execute(command, { flat: true }, options));
  return nodes.map((node) => ({
    nodeName: String(node['node-name']),
    driver: String(node.drv),
    file: String(node.file),
    readOnly: node.ro === true,
  }));
}

/** Adds a node to the block graph: `{driver: 'qcow2', 'node-name': …, file: {…}}`. */
export async function blockdevAdd(monitor: QmpExecutor, node: Json, options?: ExecuteOptions): Promise<void> {
  await monitor.execute('blockdev-add', node, options);
}

export async function blockdevDel(
  monitor: QmpExecutor,
  nodeName: string,
  options?: ExecuteOptions,
): Promise<void> {
  await monitor.execute('blockdev-del', { 'node-name': nodeName }, options);
}

/** Starts a point-in-time copy of a whole node into another; its end is the event JOB_STATUS_CHANGE. */
export async function blockdevBackup(
  monitor: QmpExecutor,
  backup: { jobId: string; device: string; target: string; bytesPerSecond?: number },
  options?: ExecuteOptions,
): Promise<void> {
  const args: Json = {
    'job-id': backup.jobId,
    device: backup.device,
    target: backup.target,
    sync: 'full',
    'auto-dismiss': false,
    ...(backup.bytesPerSecond === undefined ? {} : { speed: backup.bytesPerSecond }),
  };
  await monitor.execute('blockdev-backup', args, options);
}

/** A disk as a machine has it (`query-block`). */
export interface QmpDisk {
  /** Path of the device, `/machine/peripheral/ID/virtio-backend`. */
  device: string;
  nodeName: string;
  driver: string;
  /** Dirty bitmaps of the node. */
  bitmaps: { name: string; inconsistent: boolean }[];
}

export async function queryDisks(monitor: QmpExecutor, options?: ExecuteOptions): Promise<QmpDisk[]> {
  const command = 'query-block';
  const blocks = objects(command, await monitor.execute(command, undefined, options));
  return blocks.flatMap((block) => {
    if (block.inserted === undefined) return [];
    const inserted = object(command, block.inserted);
    const bitmaps = objects(command, inserted['dirty-bitmaps'] ?? []);
    return {
      device: String(block.qdev ?? ''),
      nodeName: String(inserted['node-name']),
      driver: String(inserted.drv),
      bitmaps: bitmaps.map(({ name, inconsistent }) => ({
        name: String(name),
        inconsistent: inconsistent === true,
      })),
    };
  });
}

export interface QmpBackup {
  jobId: string;
  device: string;
  target: string;
  /** Only what this bitmap marks is copied; the bitmap stays as it is. */
  bitmap?: string;
  /** A new bitmap that marks what changes from the moment of the copy on. */
  newBitmap?: { name: string; persistent: boolean };
  bytesPerSecond?: number;
}

/** Starts a point-in-time copy and, at the same moment, a bitmap: both or neither. */
export async function startBackup(
  monitor: QmpExecutor,
  backup: QmpBackup,
  options?: ExecuteOptions,
): Promise<void> {
  const { jobId, device, target, bitmap, newBitmap, bytesPerSecond } = backup;
  const sync: Json =
    bitmap === undefined ? { sync: 'full' } : { sync: 'bitmap', bitmap, 'bitmap-mode': 'never' };
  const speed: Json = bytesPerSecond === undefined ? {} : { speed: bytesPerSecond };
  const copy: Json = { 'job-id': jobId, device, target, 'auto-dismiss': false, ...sync, ...speed };
  const actions: Json[] = newBitmap
    ? [{ type: 'block-dirty-bitmap-add', data: { node: device, ...newBitmap } }]
    : [];
  actions.push({ type: 'blockdev-backup', data: copy });
  await monitor.execute('transaction', { actions }, options);
}

export async function removeBitmap(
  monitor: QmpExecutor,
  node: string,
  name: string,
  options?: ExecuteOptions,
): Promise<void> {
  await monitor.execute('block-dirty-bitmap-remove', { node, name }, options);
}

export async function jobCancel(monitor: QmpExecutor, id: string, options?: ExecuteOptions): Promise<void> {
  await monitor.execute('job-cancel', { id }, options);
}

/** Forgets a concluded job, whose result has been read. */
export async function jobDismiss(monitor: QmpExecutor, id: string, options?: ExecuteOptions): Promise<void> {
  await monitor.execute('job-dismiss', { id }, options);
}

/** Ends QEMU at once. */
export async function quit(monitor: QmpExecutor, options?: ExecuteOptions): Promise<void> {
  await monitor.execute('quit', undefined, options);
}
