// Takes an image from a file on this host, from the directories the operator allowed and from nowhere else.
import { type FileHandle, readlink, realpath, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { InnkeeperError } from '../resources/errors.ts';
import { run } from './child.ts';
import { printable } from './errors.ts';
import { openRegular } from './inspect.ts';
import type { TaskOptions } from './pool.ts';
import { checkReachable } from './reachable.ts';

const PROGRESS_MS = 500;

/** The path in a `file:` URI. @throws InnkeeperError `invalid` */
function pathOf(uri: string): string {
  try {
    return fileURLToPath(uri);
  } catch (error) {
    throw new InnkeeperError('invalid', `${printable(uri)} is not a file address of this host.`, {}, error);
  }
}

/**
 * Opens the file and only then asks the kernel what was opened: no symbolic link and no rename between
 * check and use can lead anywhere else.
 * @throws InnkeeperError `invalid` outside the allowed directories or for a special file, `not-found`
 */
export async function openAllowed(uri: string, allowedPaths: readonly string[]): Promise<FileHandle> {
  const path = pathOf(uri);
  // What is plainly outside is not even opened, so that the answer does not tell whether it exists.
  if (!isBelow(path, allowedPaths)) throw outside(path, allowedPaths);
  await checkReachable(path);
  const file = await openRegular(path);
  try {
    const real = await readlink(`/proc/self/fd/${file.fd}`);
    const roots = await Promise.all(allowedPaths.map((root) => realpath(root).catch(() => root)));
    if (!isBelow(real, roots)) throw outside(path, allowedPaths);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function isBelow(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path.startsWith(root.endsWith('/') ? root : `${root}/`));
}

function outside(path: string, allowedPaths: readonly string[]): InnkeeperError {
  const where = allowedPaths.length === 0 ? 'no directory' : allowedPaths.join(', ');
  const advice = `images are taken from ${where} (image_paths in the configuration)`;
  return new InnkeeperError('invalid', `${printable(path)} is not allowed: ${advice}.`);
}

/** Copies an open file to `to`, sharing blocks or leaving holes where the file system can. */
export async function copyFrom(file: FileHandle, to: string, options: TaskOptions): Promise<void> {
  const { size } = await file.stat();
  const report = async () => {
    const copied = await stat(to).catch(() => undefined);
    if (copied) options.onProgress?.(Math.min(copied.size, size), size);
  };
  const clock = options.onProgress ? setInterval(report, PROGRESS_MS) : undefined;
  try {
    // /dev/stdin is the open file itself, whatever its path is called by now.
    await run('cp', ['--reflink=auto', '--sparse=always', '--', '/dev/stdin', to], {
      stdin: file.fd,
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } finally {
    clearInterval(clock);
  }
  options.onProgress?.(size, size);
}
