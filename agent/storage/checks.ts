// What every kind of pool checks in the same words.
import { InnkeeperError } from '../resources/errors.ts';
import { humanBytes, printable } from './errors.ts';
import type { Files } from './files.ts';
import type { Source, Volume } from './pool.ts';
import { checkReachable } from './reachable.ts';
import { describe } from './volume-files.ts';

/** The volume, if it is as large as asked for. @throws InnkeeperError `conflict` */
export function sameSize(id: string, present: Volume, sizeBytes: number): Volume {
  if (present.sizeBytes === sizeBytes) return present;
  const sizes = `${humanBytes(present.sizeBytes)}, not ${humanBytes(sizeBytes)}`;
  throw new InnkeeperError('conflict', `Volume ${id} exists already with ${sizes}.`);
}

/** @throws InnkeeperError `not-found`, always */
export function volumeAbsent(id: string): never {
  throw new InnkeeperError('not-found', `There is no volume ${id}.`);
}

/** @throws InnkeeperError `invalid`, always */
export function shrinkRefused(id: string, presentBytes: number, wantedBytes: number): never {
  const message = `Volume ${id} has ${humanBytes(presentBytes)} and cannot shrink to ${humanBytes(wantedBytes)}.`;
  throw new InnkeeperError('invalid', message);
}

/** @throws InnkeeperError `invalid` if `found` is larger than `mostBytes` */
export function checkFits(found: Volume, mostBytes: number): Volume {
  if (found.sizeBytes <= mostBytes) return found;
  const sizes = `${humanBytes(found.sizeBytes)} do not fit in a volume of ${humanBytes(mostBytes)}`;
  throw new InnkeeperError('invalid', `The content's ${sizes}; ask for a larger volume.`);
}

/** The source with its size, if it is there and not larger than the volume. @throws InnkeeperError */
export async function fitting(files: Files, source: Source, mostBytes: number): Promise<Volume> {
  await checkReachable(source.path);
  const found = await describe(files, source);
  if (found) return checkFits(found, mostBytes);
  throw new InnkeeperError('not-found', `There is no image or volume at ${printable(source.path)}.`);
}
