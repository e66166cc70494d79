// Real disks for storage tests: made, filled and compared by QEMU's own tools; small file systems mounted for a test.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import type { Source } from '../../agent/storage/mod.ts';

const execute = promisify(execFile);

/** Runs a tool and gives its standard output. */
export async function tool(command: string, ...args: string[]): Promise<string> {
  return (await execute(command, args)).stdout;
}

/** A directory of the test's own, removed with it. */
export async function scratch(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'ikt-storage-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A qcow2 image with `pattern` in its first MiB. */
export async function makeImage(path: string, pattern = 7, size = '64M'): Promise<Source> {
  await tool('qemu-img', 'create', '-q', '-f', 'qcow2', path, size);
  await fill(path, pattern);
  return { path, format: 'qcow2' };
}

/** Writes `pattern` over a megabyte at `offset`, as a guest would. */
export async function fill(path: string, pattern: number, offset = '0', format = 'qcow2'): Promise<void> {
  await tool('qemu-io', '-f', format, '-c', `write -P ${pattern} ${offset} 1M`, path);
}

/** True if the megabyte at `offset` holds only `pattern`. */
export async function holds(source: Source, pattern: number, offset = '0'): Promise<boolean> {
  const said = await tool(
    'qemu-io',
    '-r',
    '-f',
    source.format,
    '-c',
    `read -P ${pattern} ${offset} 1M`,
    source.path,
  );
  return /read 1048576\/1048576/.test(said) && !/verification failed/i.test(said);
}

/** Mounts a tmpfs of `size` below `directory`, unmounted with the test. */
export async function mountTmpfs(t: Test, directory: string, size: string): Promise<string> {
  const path = join(directory, 'tmpfs');
  await mkdir(path);
  await tool('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'ikt-storage', path);
  t.teardown(() => tool('umount', '-l', path));
  return path;
}

/** Mounts a file system of its own (loop device), unmounted with the test. */
export async function mountLoop(
  t: Test,
  directory: string,
  type: 'ext4' | 'btrfs',
  size: string,
): Promise<string> {
  const image = join(directory, `${type}.img`);
  const path = join(directory, type);
  await mkdir(path);
  await writeFile(image, '');
  await tool('truncate', '-s', size, image);
  await tool(`mkfs.${type}`, '-q', image);
  await tool('mount', '-o', 'loop', image, path);
  t.teardown(() => tool('umount', '-l', path));
  return path;
}
