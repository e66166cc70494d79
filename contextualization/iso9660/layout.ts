// The layout pass: from a medium to everything before the files' data, and the order of that data. No I/O.
import { ContextError, shown } from '../errors.ts';
import type { Medium } from '../medium.ts';
import { jolietDescriptor, primaryDescriptor, terminator } from './descriptors.ts';
import { DirectoryTree } from './directory-tree.ts';
import { SECTOR, sectorsFor } from './fields.ts';
import { ISO_LEVEL_2, JOLIET } from './identifiers.ts';
import { buildTree, type DirectoryNode, type FileNode } from './tree.ts';

/** A laid out image: `head`, then each file's bytes filled up to whole sectors. */
export interface Layout {
  head: Buffer;
  files: FileNode[];
  bytes: number;
}

/** System area (6.2.1) before the first descriptor. */
const SYSTEM_SECTORS = 16;
const DESCRIPTORS = 3;
/** Default time stamp: early enough for every reader, and never the clock. */
const FIXED_TIME = new Date('1980-01-01T00:00:00Z');

/**
 * Lays a medium out as
 * system area | descriptors | path tables | primary directories | Joliet directories | data,
 * where both trees point at the same data.
 * @throws ContextError for labels, times and trees that the format cannot hold
 */
export function layOut(medium: Medium): Layout {
  const time = checkedTime(medium.time ?? FIXED_TIME);
  const label = checkedLabel(medium.label);
  const root = buildTree(medium.files);
  const trees = [
    new DirectoryTree(root, { naming: ISO_LEVEL_2, time, rockRidge: true }),
    new DirectoryTree(root, { naming: JOLIET, time, rockRidge: false }),
  ];
  let at = SYSTEM_SECTORS + DESCRIPTORS;
  const tables = trees.map((tree) => {
    const pathTableL = at;
    const pathTableM = at + sectorsFor(tree.pathTableBytes);
    at = pathTableM + sectorsFor(tree.pathTableBytes);
    return { pathTableL, pathTableM, pathTableBytes: tree.pathTableBytes };
  });
  for (const tree of trees) {
    tree.place(at);
    at += tree.sectors;
  }
  const files = filesOf(root);
  const extents = new Map<FileNode, number>();
  const headSectors = at;
  for (const file of files) {
    // An empty file has no extent; a number past the end of the medium would alarm some readers.
    extents.set(file, file.size === 0 ? 0 : at);
    at += sectorsFor(file.size);
  }
  const located = trees.map((tree, i) => ({ ...tables[i]!, rootRecord: tree.rootRecord() }));
  const volume = { label, sectors: at, time };
  const head = Buffer.concat(
    [
      Buffer.alloc(SYSTEM_SECTORS * SECTOR),
      primaryDescriptor(volume, located[0]!),
      jolietDescriptor(volume, located[1]!),
      terminator(),
      ...trees.flatMap((tree) => [padded(tree.pathTable('L')), padded(tree.pathTable('M'))]),
      ...trees.map((tree) => tree.render(extents)),
    ],
    headSectors * SECTOR,
  );
  return { head, files, bytes: at * SECTOR };
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes], sectorsFor(bytes.length) * SECTOR);
}

function filesOf(directory: DirectoryNode): FileNode[] {
  return directory.children.flatMap((child) => (child.kind === 'file' ? [child] : filesOf(child)));
}

function checkedLabel(label: string): string {
  if (!/^[\x21-\x7e](?:[\x20-\x7e]{0,30}[\x21-\x7e])?$/.test(label)) {
    throw new ContextError('invalid', `The label ${shown(label)} is not 1 to 32 printable ASCII characters.`);
  }
  return label;
}

function checkedTime(time: Date): Date {
  const year = time.getUTCFullYear();
  if (!(year >= 1900 && year <= 2155)) {
    throw new ContextError('invalid', 'The time of a medium must lie between the years 1900 and 2155.');
  }
  return time;
}
