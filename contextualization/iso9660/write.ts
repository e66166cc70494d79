// Writes an image so that it is either there completely or not at all.
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Medium } from '../medium.ts';
import { writeImage } from './into-file.ts';
import { layOut } from './layout.ts';

export interface WriteOptions {
  /** Permission bits of the image; 0600 if absent, since it carries keys and passwords. */
  mode?: number;
  /** Who must be able to read it: the user QEMU runs as. */
  owner?: { uid: number; gid: number };
  /**
   * Whether to wait until a power cut cannot take the image away; true if absent. Without it the image is still there
   * completely or not at all for everybody on this host, and several times as fast.
   */
  sync?: boolean;
}

/**
 * Writes `medium` to `destination` through a temporary file beside it, synchronised before it gets its name;
 * an image of that name is replaced in one step. After a failure nothing is left of the new one; after a crash the
 * temporary file may be, until the image is written again or removed with `removeIso`. Two writers must not have
 * the same destination at the same time.
 * @returns the size of the image in bytes
 * @throws ContextError for media that cannot be represented; errors of the file system as they are
 */
export async function writeIso(
  destination: string,
  medium: Medium,
  options: WriteOptions = {},
): Promise<{ bytes: number }> {
  const layout = layOut(medium);
  const folder = dirname(destination);
  const temporary = temporaryPath(destination);
  const handle = await openNew(temporary);
  try {
    try {
      await writeImage(handle, layout);
      if (options.owner) await handle.chown(options.owner.uid, options.owner.gid);
      if (options.mode !== undefined) await handle.chmod(options.mode);
      if (options.sync ?? true) await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, destination);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (options.sync ?? true) await syncFolder(folder);
  return { bytes: layout.bytes };
}

/** Removes an image and what a crash may have left of an unfinished one; neither need be there. */
export async function removeIso(destination: string): Promise<void> {
  await rm(destination, { force: true });
  await rm(temporaryPath(destination), { force: true });
}

/** A file of our own making under this name, whatever a crash left there. */
async function openNew(path: string): Promise<FileHandle> {
  const attempt = () => open(path, 'wx', 0o600);
  return attempt().catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    await rm(path, { force: true });
    return attempt();
  });
}

/** Not random, so that what a crash left over can be found again. */
function temporaryPath(destination: string): string {
  return join(dirname(destination), `.${basename(destination)}.tmp`);
}

/** The new name itself must survive a power cut. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
