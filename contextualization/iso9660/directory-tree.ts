// One of the two directory trees (primary or Joliet): given a place, it becomes bytes.
import {
  NO_SYSTEM_USE,
  type PlannedDirectory,
  planDirectories,
  skipToFit,
  type TreeStyle,
} from './directory-plan.ts';
import { recordingTime, SECTOR, sectorsFor } from './fields.ts';
import { directoryRecord, pathTable, pathTableEntryBytes, SELF } from './records.ts';
import { continuation, type SystemUse } from './rock-ridge.ts';
import type { DirectoryNode, FileNode } from './tree.ts';

export class DirectoryTree {
  readonly pathTableBytes: number;
  /** Sectors of all directories, each with its overflows behind it. */
  readonly sectors: number;
  private readonly directories: PlannedDirectory[];
  private readonly byNode: Map<DirectoryNode, PlannedDirectory>;
  private readonly time: Buffer;
  private start = 0;

  constructor(root: DirectoryNode, style: TreeStyle) {
    this.time = recordingTime(style.time);
    this.directories = planDirectories(root, style);
    this.byNode = new Map(this.directories.map((directory) => [directory.node, directory]));
    this.pathTableBytes = sum(this.directories, ({ identifier }) => pathTableEntryBytes(identifier.length));
    this.sectors = sum(this.directories, sectorsOf);
  }

  /** Fixes where the tree begins; before this nothing can be rendered. */
  place(sector: number): void {
    this.start = sector;
    let at = sector;
    for (const directory of this.directories) {
      directory.extent = at;
      at += sectorsOf(directory);
    }
  }

  pathTable(order: 'L' | 'M'): Buffer {
    return pathTable(this.directories, order);
  }

  /** The record of the root for the volume descriptor: without System Use, so of 34 bytes. */
  rootRecord(): Buffer {
    return this.record(SELF, this.directories[0] as PlannedDirectory, NO_SYSTEM_USE.inline, true);
  }

  /** All directories and their overflows, as long as `sectors` says. */
  render(fileExtents: ReadonlyMap<FileNode, number>): Buffer {
    const out = Buffer.alloc(this.sectors * SECTOR);
    for (const directory of this.directories) {
      const start = (directory.extent - this.start) * SECTOR;
      let at = start;
      for (const record of this.records(directory, fileExtents)) {
        at = skipToFit(at, record.length);
        record.copy(out, at);
        at += record.length;
      }
      for (const [use, offset] of directory.overflows)
        use.overflow?.copy(out, start + directory.bytes + offset);
    }
    return out;
  }

  private *records(
    directory: PlannedDirectory,
    fileExtents: ReadonlyMap<FileNode, number>,
  ): Generator<Buffer> {
    for (const { node, identifier, use } of directory.entries) {
      const place =
        node.kind === 'directory'
          ? (this.byNode.get(node) as PlannedDirectory)
          : { extent: fileExtents.get(node) as number, bytes: node.size };
      yield this.record(identifier, place, resolve(directory, use), node.kind === 'directory');
    }
  }

  private record(
    identifier: Buffer,
    { extent, bytes }: { extent: number; bytes: number },
    systemUse: Buffer,
    directory: boolean,
  ): Buffer {
    return directoryRecord({ identifier, extent, bytes, directory, time: this.time, systemUse });
  }
}

/** System Use with the pointer to its overflow, if it has one. */
function resolve(directory: PlannedDirectory, use: SystemUse): Buffer {
  const at = directory.overflows.get(use);
  if (at === undefined || use.overflow === undefined) return use.inline;
  const sector = directory.extent + sectorsFor(directory.bytes) + Math.floor(at / SECTOR);
  return Buffer.concat([use.inline, continuation(sector, at % SECTOR, use.overflow.length)]);
}

function sectorsOf({ bytes, overflowSectors }: PlannedDirectory): number {
  return sectorsFor(bytes) + overflowSectors;
}

function sum<T>(list: readonly T[], value: (item: T) => number): number {
  return list.reduce((total, item) => total + value(item), 0);
}
