// Plans one of the two directory trees (primary or Joliet): identifiers, sizes, places, and then its bytes.
import { ContextError } from '../errors.ts';
import { recordingTime, SECTOR, sectorsFor } from './fields.ts';
import { compareIdentifiers, type Identifier, identify, type Naming } from './identifiers.ts';
import {
  directoryRecord,
  fixedRecordBytes,
  PARENT,
  type PathTableEntry,
  pathTable,
  pathTableEntryBytes,
  recordBytes,
  SELF,
} from './records.ts';
import { continuation, dotSystemUse, nodeSystemUse, type SystemUse, systemUseBytes } from './rock-ridge.ts';
import type { DirectoryNode, FileNode, TreeNode } from './tree.ts';

interface Entry {
  node: TreeNode;
  identifier: Buffer;
  use: SystemUse;
}

interface Directory {
  node: DirectoryNode;
  identifier: Buffer;
  parent: number;
  /** Position in the path table, counted from 1. */
  number: number;
  entries: Entry[];
  bytes: number;
  extent: number;
}

/** Where an overflow lies in the continuation area; none crosses a sector, which Linux would refuse. */
interface Continued {
  sector: number;
  offset: number;
}

const MAX_DIRECTORIES = 0xffff;
const NOTHING: SystemUse = { inline: Buffer.alloc(0) };

export class DirectoryTree {
  readonly pathTableBytes: number;
  /** Sectors of all directories and of the continuation area behind them. */
  readonly sectors: number;
  private readonly directories: Directory[] = [];
  private readonly byNode = new Map<DirectoryNode, Directory>();
  private readonly continued = new Map<SystemUse, Continued>();
  private readonly continuationSectors: number;
  private readonly naming: Naming;
  private readonly time: Date;
  private readonly rockRidge: boolean;
  private start = 0;

  constructor(root: DirectoryNode, naming: Naming, time: Date, rockRidge: boolean) {
    this.naming = naming;
    this.time = time;
    this.rockRidge = rockRidge;
    this.collect(root);
    this.pathTableBytes = this.directories.reduce(
      (sum, directory) => sum + pathTableEntryBytes(directory.identifier.length),
      0,
    );
    this.continuationSectors = this.packContinuations();
    this.sectors =
      this.directories.reduce((sum, directory) => sum + sectorsFor(directory.bytes), 0) +
      this.continuationSectors;
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
    const entries: PathTableEntry[] = this.directories;
    return pathTable(entries, order);
  }

  /** The record of the root for the volume descriptor: without System Use, so of 34 bytes. */
  rootRecord(): Buffer {
    return this.record(SELF, this.directories[0] as Directory, NOTHING);
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
    const area = this.sectors - this.continuationSectors;
    for (const [use, { sector, offset }] of this.continued)
      use.overflow?.copy(out, (area + sector) * SECTOR + offset);
    return out;
  }

  /** Breadth first with sorted children: exactly the order 6.9.1 asks of the path table. */
  private collect(root: DirectoryNode): void {
    const queue: { node: DirectoryNode; identifier: Buffer; parent: number }[] = [
      { node: root, identifier: SELF, parent: 1 },
    ];
    for (const { node, identifier, parent } of queue) {
      const number = this.directories.length + 1;
      const entries = this.entries(node, parent);
      const directory = { node, identifier, parent, number, entries, bytes: planned(entries), extent: 0 };
      this.directories.push(directory);
      this.byNode.set(node, directory);
      for (const entry of entries.slice(2)) {
        if (entry.node.kind === 'directory') {
          queue.push({ node: entry.node, identifier: entry.identifier, parent: number });
        }
      }
      if (queue.length > MAX_DIRECTORIES) {
        throw new ContextError('unsupported', `A medium holds at most ${MAX_DIRECTORIES} directories.`);
      }
    }
  }

  private entries(node: DirectoryNode, parent: number): Entry[] {
    const isRoot = this.directories.length === 0;
    const up = isRoot ? node : (this.directories[parent - 1] as Directory).node;
    const dot = (of: DirectoryNode, root: boolean) =>
      this.rockRidge ? dotSystemUse(of, this.time, root) : NOTHING;
    const identifiers = identify(node.children, this.naming);
    const children = [...identifiers]
      .sort(([, a], [, b]) => compareIdentifiers(a, b))
      .map(([child, { bytes }]: [TreeNode, Identifier]) => ({
        node: child,
        identifier: bytes,
        use: this.rockRidge ? nodeSystemUse(child, this.time, fixedRecordBytes(bytes.length)) : NOTHING,
      }));
    return [
      { node, identifier: SELF, use: dot(node, isRoot) },
      { node: up, identifier: PARENT, use: dot(up, false) },
      ...children,
    ];
  }

  private packContinuations(): number {
    let at = 0;
    for (const { entries } of this.directories) {
      for (const { use } of entries) {
        if (use.overflow === undefined) continue;
        at = skipToFit(at, use.overflow.length);
        this.continued.set(use, { sector: Math.floor(at / SECTOR), offset: at % SECTOR });
        at += use.overflow.length;
      }
    }
    return sectorsFor(at);
  }

  private *records(directory: Directory, fileExtents: ReadonlyMap<FileNode, number>): Generator<Buffer> {
    for (const { node, identifier, use } of directory.entries) {
      const place =
        node.kind === 'directory'
          ? (this.byNode.get(node) as Directory)
          : { extent: fileExtents.get(node) as number, bytes: node.size };
      yield this.record(identifier, place, use, node.kind === 'directory');
    }
  }

  private record(
    identifier: Buffer,
    { extent, bytes }: { extent: number; bytes: number },
    use: SystemUse,
    directory = true,
  ): Buffer {
    const systemUse = this.resolve(use);
    return directoryRecord({
      identifier,
      extent,
      bytes,
      directory,
      time: recordingTime(this.time),
      systemUse,
    });
  }

  private resolve(use: SystemUse): Buffer {
    const place = this.continued.get(use);
    if (place === undefined || use.overflow === undefined) return use.inline;
    const sector = this.start + this.sectors - this.continuationSectors + place.sector;
    return Buffer.concat([use.inline, continuation(sector, place.offset, use.overflow.length)]);
  }
}

/** No record may cross the end of a sector. */
function skipToFit(at: number, length: number): number {
  const left = SECTOR - (at % SECTOR);
  return length > left ? at + left : at;
}

function planned(entries: readonly Entry[]): number {
  let at = 0;
  for (const { identifier, use } of entries) {
    const length = recordBytes(identifier.length, systemUseBytes(use));
    at = skipToFit(at, length) + length;
  }
  return sectorsFor(at) * SECTOR;
}
