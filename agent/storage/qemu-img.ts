// The qemu-img commands we use; formats are always said, outputs are always flushed.
import { type ChildOptions, run } from './child.ts';
import type { DiskFormat, Progress, Source, TaskOptions } from './pool.ts';

/** Reads "(12.34/100%)", as `-p` writes it, from whatever pieces arrive. */
export function percentReader(report: (percent: number) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    rest = (rest + text).slice(-64);
    const found = [...rest.matchAll(/\((\d+(?:\.\d+)?)\/100%\)/g)].at(-1);
    if (!found) return;
    report(Number(found[1]));
    rest = rest.slice(found.index + found[0].length);
  };
}

function childOptions(options: TaskOptions, totalBytes: number): ChildOptions {
  const report: Progress | undefined = options.onProgress;
  return {
    ...(options.signal ? { signal: options.signal } : {}),
    ...(report
      ? { onStdout: percentReader((percent) => report(Math.round((percent * totalBytes) / 100), totalBytes)) }
      : {}),
  };
}

/** A blank disk. */
export async function createBlank(path: string, format: DiskFormat, sizeBytes: number): Promise<void> {
  await run('qemu-img', ['create', '-q', '-f', format, '--', path, String(sizeBytes)]);
}

/** A disk that holds only what differs from `base`, a name relative to its own directory. */
export async function createOverlay(path: string, base: Source, sizeBytes: number): Promise<void> {
  const backing = ['-b', base.path, '-F', base.format];
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', ...backing, '--', path, String(sizeBytes)]);
}

/**
 * A full copy that depends on nothing, whatever `from` builds on. `-t writeback` because the default
 * cache mode of convert never flushes: a power cut would leave a volume that looks complete.
 * @param totalBytes virtual size of `from`, for the progress
 */
export async function convert(
  from: Source,
  to: Source,
  totalBytes: number,
  options: TaskOptions = {},
): Promise<void> {
  const progress = options.onProgress ? ['-p'] : [];
  const formats = ['-f', from.format, '-O', to.format];
  const args = ['convert', ...progress, '-t', 'writeback', ...formats, '--', from.path, to.path];
  await run('qemu-img', args, childOptions(options, totalBytes));
}

/** The same into a device or file that exists and is large enough. */
export async function convertInto(
  from: Source,
  to: Source,
  totalBytes: number,
  options: TaskOptions = {},
  runner: typeof run = run,
): Promise<void> {
  const progress = options.onProgress ? ['-p'] : [];
  const formats = ['-f', from.format, '-O', to.format];
  const args = ['convert', '-n', ...progress, '-t', 'writeback', ...formats, '--', from.path, to.path];
  await runner('qemu-img', args, childOptions(options, totalBytes));
}

/** Makes an unused disk larger. */
export async function resize(volume: Source, sizeBytes: number): Promise<void> {
  await run('qemu-img', ['resize', '-q', '-f', volume.format, '--', volume.path, String(sizeBytes)]);
}
