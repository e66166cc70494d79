// Names of a pool's files, and what they say about a volume.
import { dirname } from 'node:path';
import { InnkeeperError } from '../resources/errors.ts';
import { printable } from './errors.ts';
import type { Files } from './files.ts';
import type { DiskFormat, Source, Volume } from './pool.ts';
import { HEAD_BYTES, parseQcow2 } from './qcow2-header.ts';

/**
 * `ID.qcow2` or `ID.raw` is the volume; `ID.base` is a second name (hard link) of the registered image an
 * overlay builds on, so that the image's content stays as long as a volume needs it; `ID.partial` is not
 * finished and never used.
 */
const SUFFIXES = ['qcow2', 'raw', 'base', 'partial'] as const;

export interface VolumePaths {
  qcow2: string;
  raw: string;
  base: string;
  /** `base` as an overlay names it: relative, so that a pool can be mounted elsewhere. */
  baseName: string;
  partial: string;
}

/** @throws InnkeeperError `invalid` for an id that cannot be part of a file name */
export function volumePaths(directory: string, id: string): VolumePaths {
  checkId(id);
  const at = (suffix: string) => `${directory}/${id}.${suffix}`;
  return {
    qcow2: at('qcow2'),
    raw: at('raw'),
    base: at('base'),
    baseName: `${id}.base`,
    partial: at('partial'),
  };
}

/** @throws InnkeeperError `invalid` */
export function checkId(id: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(id)) return;
  throw new InnkeeperError('invalid', `"${printable(id, 80)}" cannot be the id of a volume or an image.`);
}

/** The id a file of ours belongs to; undefined for foreign files. */
export function idOf(fileName: string): string | undefined {
  const found = /^([A-Za-z0-9][A-Za-z0-9_-]{0,63})\.([a-z0-9]+)$/.exec(fileName);
  return found && (SUFFIXES as readonly string[]).includes(found[2] ?? '') ? found[1] : undefined;
}

/**
 * Reads a source's own description and makes sure that it leads nowhere but to its own base: the header
 * of a qcow2 volume was last written by a QEMU process that a guest may have taken over.
 * @returns undefined if there is no such file
 * @throws InnkeeperError `invalid`
 */
export async function describe(files: Files, { path, format }: Source): Promise<Volume | undefined> {
  if (format === 'raw') {
    const facts = await files.facts(path);
    return facts && { path, format, sizeBytes: facts.sizeBytes };
  }
  const head = await files.head(path, HEAD_BYTES);
  if (!head) return undefined;
  const header = parseQcow2(head);
  const { virtualSizeBytes: sizeBytes, backingFile, backingFormat } = header;
  const own = path.replace(/\.qcow2$/, '.base');
  const strange =
    backingFile !== undefined && (`${dirname(path)}/${backingFile}` !== own || !isFormat(backingFormat));
  if (strange || header.externalData || header.encrypted) {
    throw new InnkeeperError(
      'invalid',
      `${path} refers to something that was not given to it; it is not used.`,
    );
  }
  if (backingFile === undefined || !isFormat(backingFormat)) return { path, format, sizeBytes };
  return { path, format, sizeBytes, backing: { path: own, format: backingFormat } };
}

function isFormat(text: string | undefined): text is DiskFormat {
  return text === 'qcow2' || text === 'raw';
}

/** The volume of that id, in whichever format it is. */
export async function findVolume(files: Files, paths: VolumePaths): Promise<Volume | undefined> {
  for (const format of ['qcow2', 'raw'] satisfies DiskFormat[]) {
    const volume = await describe(files, { path: paths[format], format });
    if (volume) return volume;
  }
  return undefined;
}
