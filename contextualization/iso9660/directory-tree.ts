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
  /** Sectors of all directories and of the continuation area behind them. */
  readonly sectors: number;
  private readonly directories: PlannedDirectory[];
  private readonly byNode: Map<DirectoryNode, PlannedDirectory>;
  /** Where each overflow lies, in bytes from the start of the continuation area. */
  private readonly continued = new Map<SystemUse, number>();
  private readonly continuationSectors: number;
  private readonly time: Buffer;
  private start = 0;

  constructor(root: DirectoryNode, style: TreeStyle) {
    this.time = recordingTime(style.time);
    this.directories = planDirectories(root, style);
    this.byNode = new Map(this.directories.map((directory) => [directory.node, directory]));
    this.pathTableBytes = sum(this.directories, ({ identifier }) => pathTableEntryBytes(identifier.length));
    this.continuationSectors = this.packContinuations();
    this.sectors = sum(this.directories, ({ bytes }) => sectorsFor(bytes)) + this.continuationSectors;
  }

  /** Fixes where the tree begins; before this nothing can be rendered. */
  place(sector: number): void {
    this.start = sector;
    let at = sector;
    for (const directory of this.directories) {
      directory.extent = at;
      at += sectorsFor(directory.bytes);
    }
  }

  pathTable(order: 'L' | 'M'): Buffer {
    return pathTable(this.directories, order);
  }

  /** The record of the root for the volume descriptor: without System Use, so of 34 bytes. */
  rootRecord(): Buffer {
    return this.record(SELF, this.directories[0] as PlannedDirectory, NO_SYSTEM_USE, true);
  }

  /** All directories and the continuation area, as long as `sectors` says. */
  render(fileExtents: ReadonlyMap<FileNode, number>): Buffer {
    const out = Buffer.alloc(this.sectors * SECTOR);
    for (const directory of this.directories) {
      let at = (directory.extent - this.start) * SECTOR;
      for (const record of this.records(directory, fileExtents)) {
        at = skipToFit(at, record.length);
        record.copy(out, at);
        at += record.length;
      }
    }
    const area = (this.sectors - this.continuationSectors) * SECTOR;
    for (const [use, at] of this.continued) use.overflow?.copy(out, area + at);
    return out;
  }

  /** Linux refuses a continuation that crosses a sector. */
  private packContinuations(): number {
    let at = 0;
    for (const { use } of this.directories.flatMap(({ entries }) => entries)) {
      if (use.overflow === undefined) continue;
      at = skipToFit(at, use.overflow.length);
      this.continued.set(use, at);
      at += use.overflow.length;
    }
    return sectorsFor(at);
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
      yield this.record(identifier, place, use, node.kind === 'directory');
    }
  }

  private record(
    identifier: Buffer,
    { extent, bytes }: { extent: number; bytes: number },
    use: SystemUse,
    directory: boolean,
  ): Buffer {
    const systemUse = this.resolve(use);
    return directoryRecord({ identifier, extent, bytes, directory, time: this.time, systemUse });
  }

  private resolve(use: SystemUse): Buffer {
    const at = this.continued.get(use);
    if (at === undefined || use.overflow === undefined) return use.inline;
    const area = this.start + this.sectors - this.continuationSectors;
    const entry = continuation(area + Math.floor(at / SECTOR), at % SECTOR, use.overflow.length);
    return Buffer.concat([use.inline, entry]);
  }
}

function sum<T>(list: readonly T[], value: (item: T) => number): number {
  return list.reduce((total, item) => total + value(item), 0);
}
