// Checksums of whole files, computed by coreutils in a child so that the event loop never waits.
import { open } from 'node:fs/promises';
import { InnkeeperError } from '../resources/errors.ts';
import { run } from './child.ts';
import { printable } from './errors.ts';

/** "sha256:…" or "sha512:…", in small letters. */
export type Checksum = `${'sha256' | 'sha512'}:${string}`;

const HEX_LENGTH = { sha256: 64, sha512: 128 } as const;

/** Accepts what a caller wrote. @throws InnkeeperError `invalid`; MD5 and SHA-1 prove nothing any more */
export function parseChecksum(text: string): Checksum {
  const [kind = '', hex = ''] = text.toLowerCase().split(':', 2);
  const length = Object.hasOwn(HEX_LENGTH, kind) ? HEX_LENGTH[kind as keyof typeof HEX_LENGTH] : 0;
  if (length > 0 && hex.length === length && /^[0-9a-f]+$/.test(hex)) return `${kind}:${hex}` as Checksum;
  const message = `"${printable(text, 160)}" is no checksum: write sha256: or sha512: and its hexadecimal digits.`;
  throw new InnkeeperError('invalid', message);
}

/** Computes the checksum of a file, of the kind of `like` (sha256 if absent). */
export async function checksumOf(path: string, like?: Checksum, signal?: AbortSignal): Promise<Checksum> {
  const kind = like?.startsWith('sha512:') ? 'sha512' : 'sha256';
  const file = await open(path, 'r');
  try {
    const text = await run(`${kind}sum`, [], { stdin: file.fd, ...(signal ? { signal } : {}) });
    return `${kind}:${text.slice(0, HEX_LENGTH[kind])}`;
  } finally {
    await file.close();
  }
}
