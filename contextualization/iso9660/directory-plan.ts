// Plans the directories of one tree: their order, their records, and how long they will be.
import { ContextError } from '../errors.ts';
import { SECTOR, sectorsFor } from './fields.ts';
import { compareIdentifiers, identify, type Naming } from './identifiers.ts';
import { fixedRecordBytes, PARENT, recordBytes, SELF } from './records.ts';
import { dotSystemUse, nodeSystemUse, type SystemUse } from './rock-ridge.ts';
import type { DirectoryNode, TreeNode } from './tree.ts';

/** One record to be: a child, or "." or "..". */
export interface PlannedEntry {
  node: TreeNode;
  identifier: Buffer;
  use: SystemUse;
}

export interface PlannedDirectory {
  node: DirectoryNode;
  identifier: Buffer;
  /** Position of the parent in the path table, counted from 1; the root is its own parent. */
  parent: number;
  entries: PlannedEntry[];
  bytes: number;
  /** Where each entry's overflow lies, in bytes from the sector behind the directory; and how many sectors they take. */
  overflows: ReadonlyMap<Required<SystemUse>, number>;
  overflowSectors: number;
  /** First sector; 0 until the tree is placed. */
  extent: number;
}

/** What distinguishes the two trees of a medium. */
export interface TreeStyle {
  naming: Naming;
  /** The time stamps that go with true names and modes for POSIX guests; in the primary tree only. */
  rockRidge?: Buffer;
}

/** Numbers of parents have 16 bits in the path table. */
const MAX_DIRECTORIES = 0xffff;
export const NO_SYSTEM_USE: SystemUse = { inline: Buffer.alloc(0) };

/** Breadth first with sorted children: exactly the order that ECMA-119 6.9.1 asks of the path table. */
export function planDirectories(root: DirectoryNode, style: TreeStyle): PlannedDirectory[] {
  const planned: PlannedDirectory[] = [];
  const queue: Pick<PlannedDirectory, 'node' | 'identifier' | 'parent'>[] = [
    { node: root, identifier: SELF, parent: 1 },
  ];
  for (const { node, identifier, parent } of queue) {
    const above = planned[parent - 1]?.node;
    const entries = planEntries(node, above, style);
    const bytes = directoryBytes(entries);
    planned.push({ node, identifier, parent, entries, bytes, ...planOverflows(entries), extent: 0 });
    for (const entry of entries.slice(2)) {
      if (entry.node.kind !== 'directory') continue;
      queue.push({ node: entry.node, identifier: entry.identifier, parent: planned.length });
    }
    if (queue.length > MAX_DIRECTORIES) {
      throw new ContextError('unsupported', `A medium holds at most ${MAX_DIRECTORIES} directories.`);
    }
  }
  return planned;
}

/** Nothing planned here may cross the end of a sector. */
export function skipToFit(at: number, length: number): number {
  const left = SECTOR - (at % SECTOR);
  return length > left ? at + left : at;
}

function planEntries(
  node: DirectoryNode,
  above: DirectoryNode | undefined,
  style: TreeStyle,
): PlannedEntry[] {
  const { naming, rockRidge } = style;
  const up = above ?? node;
  const children = [...identify(node.children, naming)]
    .sort(([, a], [, b]) => compareIdentifiers(a, b))
    .map(([child, { bytes }]) => ({
      node: child,
      identifier: bytes,
      use: rockRidge ? nodeSystemUse(child, rockRidge, fixedRecordBytes(bytes.length)) : NO_SYSTEM_USE,
    }));
  const dot = (of: DirectoryNode, rootSelf: boolean) =>
    rockRidge ? dotSystemUse(of, rockRidge, rootSelf) : NO_SYSTEM_USE;
  return [
    { node, identifier: SELF, use: dot(node, above === undefined) },
    { node: up, identifier: PARENT, use: dot(up, false) },
    ...children,
  ];
}

function directoryBytes(entries: readonly PlannedEntry[]): number {
  let at = 0;
  for (const { identifier, use } of entries) {
    const length = recordBytes(identifier.length, use.inline.length);
    at = skipToFit(at, length) + length;
  }
  return sectorsFor(at) * SECTOR;
}

/**
 * The overflows of a directory follow it at once, so that a reader of the medium as a stream (libarchive) knows the
 * names before it meets what they name. Linux refuses one that crosses a sector.
 */
function planOverflows(
  entries: readonly PlannedEntry[],
): Pick<PlannedDirectory, 'overflows' | 'overflowSectors'> {
  const overflows = new Map<Required<SystemUse>, number>();
  let at = 0;
  for (const { use } of entries) {
    if (!isLong(use)) continue;
    at = skipToFit(at, use.overflow.length);
    overflows.set(use, at);
    at += use.overflow.length;
  }
  return { overflows, overflowSectors: sectorsFor(at) };
}

function isLong(use: SystemUse): use is Required<SystemUse> {
  return use.overflow !== undefined;
}
