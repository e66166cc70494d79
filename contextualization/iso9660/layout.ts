// The layout pass: from a medium to everything before the files' data, and the order of that data. No I/O.
import { ContextError, shown } from '../errors.ts';
import type { Medium } from '../medium.ts';
import {
  type DescriptorKind,
  PRIMARY,
  putDescriptor,
  putTerminator,
  ROOT_RECORD,
  SUPPLEMENTARY,
  type TreeLocation,
} from './descriptors.ts';
import { DirectoryTree } from './directory-tree.ts';
import { recordingTime, SECTOR, sectorsFor, volumeTime } from './fields.ts';
import { ISO_LEVEL_2, JOLIET } from './identifiers.ts';
import { timeStamps } from './rock-ridge.ts';
import { buildTree, type DirectoryNode, type FileNode } from './tree.ts';

/** A laid out image: `head`, then each file's bytes filled up to whole sectors. */
export interface Layout {
  head: Buffer;
  files: FileNode[];
  bytes: number;
}

/** System area (6.2.1) before the first descriptor. */
const SYSTEM_SECTORS = 16;
/** Of the two trees; the terminator follows. */
const DESCRIPTORS = [PRIMARY, SUPPLEMENTARY];
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
  const stamp = recordingTime(time);
  const trees = [
    new DirectoryTree(root, stamp, { naming: ISO_LEVEL_2, rockRidge: timeStamps(time) }),
    new DirectoryTree(root, stamp, { naming: JOLIET }),
  ];
  let at = SYSTEM_SECTORS + DESCRIPTORS.length + 1;
  const tables = trees.map(({ pathTableBytes }) => {
    const pathTableL = at;
    const pathTableM = at + sectorsFor(pathTableBytes);
    at = pathTableM + sectorsFor(pathTableBytes);
    return { pathTableL, pathTableM, pathTableBytes };
  });
  for (const tree of trees) {
    tree.place(at);
    at += tree.sectors;
  }
  const head = Buffer.alloc(at * SECTOR);
  const files = filesOf(root);
  const extents = new Map<FileNode, number>();
  for (const file of files) {
    // An empty file has no extent; a number past the end of the medium would alarm some readers.
    extents.set(file, file.size === 0 ? 0 : at);
    at += sectorsFor(file.size);
  }
  const volume = { label, sectors: at, time: volumeTime(time) };
  for (const [i, tree] of trees.entries()) {
    const table = tables[i] as TreeLocation;
    const descriptor = (SYSTEM_SECTORS + i) * SECTOR;
    putDescriptor(head, descriptor, DESCRIPTORS[i] as DescriptorKind, volume, table);
    tree.putRootRecord(head, descriptor + ROOT_RECORD);
    tree.putPathTable(head, table.pathTableL, 'L');
    tree.putPathTable(head, table.pathTableM, 'M');
    tree.putDirectories(head, extents);
  }
  putTerminator(head, (SYSTEM_SECTORS + DESCRIPTORS.length) * SECTOR);
  return { head, files, bytes: at * SECTOR };
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
