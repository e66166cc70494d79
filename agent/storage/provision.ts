// The ways a volume's content comes to be, each leaving a complete `ID.partial`.
import { dirname } from 'node:path';
import { isErrno } from './errors.ts';
import type { Files } from './files.ts';
import type { DiskFormat, TaskOptions, Volume } from './pool.ts';
import { convert, createBlank, createOverlay, resize } from './qemu-img.ts';
import type { VolumePaths } from './volume-files.ts';

/** How a directory pool starts a volume from an image, see docs/decisions/0020. */
export type ClonePolicy = 'overlay' | 'copy' | 'auto';

/** Hard links or reflinks the file system does not have, or not between these two places. */
const CANNOT_SHARE = ['EXDEV', 'EMLINK', 'EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EINVAL', 'ENOTTY'];

export interface Provision {
  files: Files;
  paths: VolumePaths;
  sizeBytes: number;
  options: TaskOptions;
}

/** @returns the format of what is now in `paths.partial` */
export async function blank(task: Provision): Promise<DiskFormat> {
  await createBlank(task.paths.partial, 'qcow2', task.sizeBytes);
  return 'qcow2';
}

/** Starts from content; which way depends on the policy and on what the file system can do. */
export async function clone(task: Provision, from: Volume, policy: ClonePolicy): Promise<DiskFormat> {
  if (policy !== 'overlay' && (await reflinked(task, from))) return from.format;
  if (policy !== 'copy' && (await overlaid(task, from))) return 'qcow2';
  if (policy === 'overlay' && (await reflinked(task, from))) return from.format;
  await copied(task, from, 'qcow2');
  return 'qcow2';
}

/** A complete copy in `format`, grown to the size asked. */
export async function copied(task: Provision, from: Volume, format: DiskFormat): Promise<void> {
  const { partial } = task.paths;
  await convert(from, { path: partial, format }, from.sizeBytes, task.options);
  if (from.sizeBytes < task.sizeBytes) await resize({ path: partial, format }, task.sizeBytes);
}

async function reflinked(task: Provision, from: Volume): Promise<boolean> {
  const { files, paths } = task;
  // An overlay's header names its base relative to where it lies; a copy elsewhere would name another file.
  if (from.format === 'qcow2' && dirname(from.path) === dirname(paths.partial)) return false;
  try {
    await files.reflink(from.path, paths.partial);
  } catch (error) {
    if (!isErrno(error, ...CANNOT_SHARE)) throw error;
    await files.remove(paths.partial);
    return false;
  }
  await files.mode(paths.partial, 0o600);
  if (from.sizeBytes < task.sizeBytes)
    await resize({ path: paths.partial, format: from.format }, task.sizeBytes);
  return true;
}

/** Only content that never changes can be built on: a registered image, which nobody has the right to write. */
async function overlaid(task: Provision, from: Volume): Promise<boolean> {
  const { files, paths } = task;
  const facts = await files.facts(from.path);
  if (!facts?.regular || (facts.mode & 0o222) !== 0) return false;
  try {
    await files.link(from.path, paths.base);
  } catch (error) {
    if (!isErrno(error, ...CANNOT_SHARE)) throw error;
    return false;
  }
  await createOverlay(paths.partial, { path: paths.baseName, format: from.format }, task.sizeBytes);
  return true;
}
