// One of the two directory trees (primary or Joliet): given a place, it becomes bytes.
import {
  NO_SYSTEM_USE,
  type PlannedDirectory,
  type PlannedEntry,
  planDirectories,
  skipToFit,
  type TreeStyle,
} from './directory-plan.ts';
import { SECTOR, sectorsFor } from './fields.ts';
import { pathTableEntryBytes, putDirectoryRecord, putPathTable, recordBytes, SELF } from './records.ts';
import { pointAt } from './rock-ridge.ts';
import type { DirectoryNode, FileNode } from './tree.ts';

export class DirectoryTree {
  readonly pathTableBytes: number;
  /** Sectors of all directories, each with its overflows behind it. */
  readonly sectors: number;
  private readonly directories: PlannedDirectory[];
  private readonly byNode: Map<DirectoryNode, PlannedDirectory>;
  private readonly time: Buffer;

  /** @param time recording time of every record */
  constructor(root: DirectoryNode, time: Buffer, style: TreeStyle) {
    this.time = time;
    this.directories = planDirectories(root, style);
    this.byNode = new Map(this.directories.map((directory) => [directory.node, directory]));
    this.pathTableBytes = sum(this.directories, ({ identifier }) => pathTableEntryBytes(identifier.length));
    this.sectors = sum(this.directories, sectorsOf);
  }

  /** Fixes where the tree begins; before this nothing can be written. */
  place(sector: number): void {
    let at = sector;
    for (const directory of this.directories) {
      directory.extent = at;
      at += sectorsOf(directory);
    }
  }

  putPathTable(head: Buffer, sector: number, order: 'L' | 'M'): void {
    putPathTable(head, sector * SECTOR, this.directories, order);
  }

  /** The record of the root for the volume descriptor: without System Use, so of 34 bytes. */
  putRootRecord(head: Buffer, at: number): void {
    const root = this.directories[0] as PlannedDirectory;
    this.putRecord(head, at, { node: root.node, identifier: SELF, use: NO_SYSTEM_USE }, root);
  }

  /** Writes all directories and their overflows to their places in the beginning of the image. */
  putDirectories(head: Buffer, fileExtents: ReadonlyMap<FileNode, number>): void {
    for (const directory of this.directories) {
      const start = directory.extent * SECTOR;
      for (const [use, offset] of directory.overflows) {
        const place = directory.bytes + offset;
        head.set(use.overflow, start + place);
        pointAt(use, directory.extent + Math.floor(place / SECTOR), place % SECTOR);
      }
      let at = start;
      for (const entry of directory.entries) {
        const { node, identifier, use } = entry;
        const length = recordBytes(identifier.length, use.inline.length);
        at = skipToFit(at, length);
        const place =
          node.kind === 'directory'
            ? (this.byNode.get(node) as PlannedDirectory)
            : { extent: fileExtents.get(node) as number, bytes: node.size };
        this.putRecord(head, at, entry, place);
        at += length;
      }
    }
  }

  private putRecord(
    head: Buffer,
    at: number,
    { node, identifier, use }: PlannedEntry,
    { extent, bytes }: { extent: number; bytes: number },
  ): void {
    const directory = node.kind === 'directory';
    putDirectoryRecord(head, at, {
      identifier,
      extent,
      bytes,
      directory,
      time: this.time,
      systemUse: use.inline,
    });
  }
}

function sectorsOf({ bytes, overflowSectors }: PlannedDirectory): number {
  return sectorsFor(bytes) + overflowSectors;
}

function sum<T>(list: readonly T[], value: (item: T) => number): number {
  return list.reduce((total, item) => total + value(item), 0);
}
