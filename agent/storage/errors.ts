// Turns what the file system and child processes say into the one error, in words an operator can act on.
import { InnkeeperError, toInnkeeperError } from '../resources/errors.ts';
import { ChildFailure } from './child.ts';

/** Bytes for people: "1.5 GiB". */
export function humanBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Makes text from images, servers and tools fit for one line of a log or terminal. */
export function printable(text: string, most = 300): string {
  const line = text.replace(/[^\x20-\x7e\u00a0-\u{10ffff}]+/gu, ' ').trim();
  return line.length > most ? `${line.slice(0, most)}…` : line;
}

/** True for the errors that an aborted signal causes, in Node's own functions or ours. */
export function isAbort(error: unknown): boolean {
  return (
    error instanceof Error && (error.name === 'AbortError' || ('code' in error && error.code === 'ABORT_ERR'))
  );
}

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** True when the file system said `errno` (ENOENT, EXDEV …). */
export function isErrno(error: unknown, ...errnos: string[]): boolean {
  return errnos.includes(errnoOf(error));
}

const FULL = /no space left on device|disk quota exceeded|ENOSPC|EDQUOT/i;
const IN_USE = /failed to get ".*" lock|is another process using the image/i;

/** What was being done, for the sentence: "copy image debian-12 to pool fast", and how much it needs. */
export interface Doing {
  what: string;
  needBytes?: number;
}

/** Translates once, at the border, and keeps the cause. Errors that are already ours pass unchanged. */
export function storageError(error: unknown, doing: Doing): InnkeeperError {
  if (error instanceof InnkeeperError) return error;
  if (isAbort(error)) return new InnkeeperError('cancelled', `Cancelled: ${doing.what}.`, {}, error);
  const text =
    error instanceof ChildFailure ? error.stderr : error instanceof Error ? error.message : String(error);
  if (isErrno(error, 'ENOSPC', 'EDQUOT') || FULL.test(text)) {
    const need = doing.needBytes === undefined ? '' : ` (up to ${humanBytes(doing.needBytes)} are needed)`;
    const message = `The disk is full: could not ${doing.what}${need}. Free space or use another pool.`;
    return new InnkeeperError('no-capacity', message, {}, error);
  }
  if (IN_USE.test(text)) {
    return new InnkeeperError(
      'wrong-state',
      `Could not ${doing.what}: a running VServer uses it.`,
      {},
      error,
    );
  }
  // A hypervisor that fills a volume has codes of its own.
  const known = toInnkeeperError(error);
  if (known.code !== 'internal') return known;
  const why = error instanceof ChildFailure ? error.message : text;
  return new InnkeeperError('internal', `Could not ${doing.what}: ${printable(why)}.`, {}, error);
}
