// Recognises compressed images by their first bytes and expands them under limits.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { InnkeeperError } from '../resources/errors.ts';
import { ChildFailure, run } from './child.ts';
import { humanBytes, printable } from './errors.ts';
import type { TaskOptions } from './pool.ts';

export type Compression = 'gzip' | 'xz' | 'zstd' | 'bzip2';

const MAGIC: Record<Compression, readonly number[]> = {
  gzip: [0x1f, 0x8b, 0x08],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
  bzip2: [0x42, 0x5a, 0x68],
};

/** Address space one decompressor may have: enough for xz -9 and zstd's default window. */
const MEMORY_BYTES = 512 * 1024 * 1024;

/** How a file that begins with `head` is compressed, if it is. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  const all = Object.keys(MAGIC) as Compression[];
  return all.find((name) => MAGIC[name].every((byte, at) => head[at] === byte));
}

/**
 * Expands `from` into the new file `to`. The kernel stops the child at `maxBytes` (RLIMIT_FSIZE), so a bomb
 * costs at most that much space, and only until it is refused.
 * @throws InnkeeperError `invalid` for a bomb or damaged data; ChildFailure for other failures (disk full)
 */
export async function expand(
  compression: Compression,
  from: string,
  to: string,
  maxBytes: number,
  options: TaskOptions,
): Promise<void> {
  const input = await open(from, constants.O_RDONLY);
  const output = await open(to, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600).catch(
    async (error) => {
      await input.close();
      throw error;
    },
  );
  try {
    await run(compression, ['-dc'], {
      ...(options.signal ? { signal: options.signal } : {}),
      stdin: input.fd,
      stdout: output.fd,
      fileBytes: maxBytes,
      memoryBytes: MEMORY_BYTES,
    });
  } catch (error) {
    throw explain(error, compression, maxBytes);
  } finally {
    await input.close();
    await output.close();
  }
}

function explain(error: unknown, compression: Compression, maxBytes: number): unknown {
  if (!(error instanceof ChildFailure)) return error;
  if (error.signal === 'SIGXFSZ' || /file too large/i.test(error.stderr)) {
    const message = `The ${compression} image expands to more than the ${humanBytes(maxBytes)} allowed.`;
    return new InnkeeperError('invalid', message, {}, error);
  }
  if (error.exitCode === null || /no space left/i.test(error.stderr)) return error;
  const message = `The ${compression} data of the image is damaged: ${printable(error.message)}.`;
  return new InnkeeperError('invalid', message, {}, error);
}
