// Reads the head of a qcow2 file without QEMU, so that nothing it names is ever opened.
// Layout: QEMU docs/interop/qcow2.txt. All numbers are big-endian.
//
//   0 magic "QFI\xfb"   4 version          8 backing offset   16 backing length   20 cluster bits
//  24 virtual size     32 encryption      36 L1 entries       40 L1 offset        48 refcount table offset
//  56 refcount clusters 60 snapshots      64 snapshots offset
//  72 incompatible     80 compatible      88 autoclear        96 refcount order  100 header length  104 compression
import { InnkeeperError } from '../resources/errors.ts';
import { printable } from './errors.ts';

/** How much of a file is read to know it; headers that need more are refused. */
export const HEAD_BYTES = 64 * 1024;

/** Bits of the incompatible features. */
export const FEATURE = {
  dirty: 1n,
  corrupt: 2n,
  externalData: 4n,
  compression: 8n,
  extendedL2: 16n,
} as const;
const KNOWN_FEATURES = 31n;

const EXTENSION_END = 0;
const EXTENSION_BACKING_FORMAT = 0xe2792aca;
const EXTENSION_DATA_FILE = 0x44415441;
const EXTENSION_ENCRYPTION = 0x0537be77;

/** What the head says; positions and counts are as found and not yet judged. */
export interface Qcow2Header {
  virtualSizeBytes: number;
  clusterBits: number;
  /** Name and format of the file it builds on. */
  backingFile?: string;
  backingFormat?: string;
  externalData: boolean;
  encrypted: boolean;
  incompatible: bigint;
  l1Entries: number;
  l1Offset: bigint;
  refcountOffset: bigint;
  refcountClusters: number;
  refcountOrder: number;
  snapshots: number;
  snapshotsOffset: bigint;
}

function refuse(why: string): never {
  throw new InnkeeperError('invalid', `Not a usable qcow2 image: ${why}.`);
}

/** True if the file begins like qcow2 (or its ancestor qcow). */
export function hasQcowMagic(head: Uint8Array): boolean {
  return head.length >= 4 && head[0] === 0x51 && head[1] === 0x46 && head[2] === 0x49 && head[3] === 0xfb;
}

/**
 * Parses the head of a qcow2 file: at most HEAD_BYTES are looked at, in bounded time.
 * @throws InnkeeperError `invalid` if it is no qcow2 version 2 or 3 or contradicts itself
 */
export function parseQcow2(head: Uint8Array): Qcow2Header {
  if (!hasQcowMagic(head)) refuse('it does not begin with the qcow2 magic');
  const view = new DataView(head.buffer, head.byteOffset, Math.min(head.length, HEAD_BYTES));
  if (view.byteLength < 72) refuse('it ends inside its header');
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) refuse(`version ${version} is unknown`);
  if (version === 3 && view.byteLength < 104) refuse('it ends inside its header');
  const headerLength = version === 2 ? 72 : view.getUint32(100);
  const clusterBits = view.getUint32(20);
  if (clusterBits < 9 || clusterBits > 21) refuse(`clusters of 2^${clusterBits} bytes are not allowed`);
  if (headerLength < (version === 2 ? 72 : 104) || headerLength > 2 ** clusterBits) {
    refuse(`a header of ${headerLength} bytes is not possible`);
  }
  const size = view.getBigUint64(24);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) refuse('its size is absurd');
  const incompatible = version === 2 ? 0n : view.getBigUint64(72);
  const extensions = readExtensions(view, headerLength, clusterBits);
  const backingFormat = extensions.get(EXTENSION_BACKING_FORMAT);
  const backingFile = readBackingFile(view, clusterBits);
  return {
    virtualSizeBytes: Number(size),
    clusterBits,
    ...(backingFile === undefined ? {} : { backingFile }),
    ...(backingFormat === undefined ? {} : { backingFormat }),
    externalData: (incompatible & FEATURE.externalData) !== 0n || extensions.has(EXTENSION_DATA_FILE),
    encrypted: view.getUint32(32) !== 0 || extensions.has(EXTENSION_ENCRYPTION),
    incompatible,
    l1Entries: view.getUint32(36),
    l1Offset: view.getBigUint64(40),
    refcountOffset: view.getBigUint64(48),
    refcountClusters: view.getUint32(56),
    refcountOrder: version === 2 ? 4 : view.getUint32(96),
    snapshots: view.getUint32(60),
    snapshotsOffset: view.getBigUint64(64),
  };
}

function readBackingFile(view: DataView, clusterBits: number): string | undefined {
  const offset = view.getBigUint64(8);
  const length = view.getUint32(16);
  if (offset === 0n) return undefined;
  const end = offset + BigInt(length);
  if (length === 0 || length > 1023 || end > 2n ** BigInt(clusterBits) || end > BigInt(view.byteLength)) {
    refuse('the name of its backing file lies outside its header');
  }
  return textAt(view, Number(offset), length);
}

function textAt(view: DataView, offset: number, length: number): string {
  return Buffer.from(view.buffer, view.byteOffset + offset, length).toString('utf8');
}

/** The header extensions as type and text; the list ends at type 0, at the first cluster's end or at the backing name. */
function readExtensions(view: DataView, start: number, clusterBits: number): Map<number, string> {
  const found = new Map<number, string>();
  const backing = view.getBigUint64(8);
  const cluster = Math.min(2 ** clusterBits, view.byteLength);
  const end = backing > 0n && backing < BigInt(cluster) ? Number(backing) : cluster;
  let at = start;
  while (at + 8 <= end) {
    const type = view.getUint32(at);
    if (type === EXTENSION_END) break;
    const length = view.getUint32(at + 4);
    if (length > end - at - 8) refuse('a header extension is longer than the header');
    found.set(type, textAt(view, at + 8, length));
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return found;
}

const MOST_L1_BYTES = 32 * 1024 * 1024;
const MOST_REFCOUNT_BYTES = 8 * 1024 * 1024;
const MOST_SNAPSHOTS = 256;

/**
 * Judges a foreign image: it must stand alone, be undamaged, and its tables must lie in the file.
 * @param fileBytes length of the file
 * @throws InnkeeperError `invalid`, naming the first thing that is wrong
 */
export function checkForeignQcow2(header: Qcow2Header, fileBytes: number): void {
  if (header.backingFile !== undefined) {
    refuse(
      `it builds on another file (${printable(header.backingFile, 80)}); flatten it with qemu-img convert`,
    );
  }
  if (header.externalData) refuse('its data is in an external file; flatten it with qemu-img convert');
  if (header.encrypted) refuse('it is encrypted');
  if ((header.incompatible & FEATURE.corrupt) !== 0n) refuse('it is marked as corrupt');
  if ((header.incompatible & FEATURE.dirty) !== 0n)
    refuse('it was not closed cleanly; run qemu-img check -r leaks');
  if ((header.incompatible & ~KNOWN_FEATURES) !== 0n)
    refuse('it uses features that this agent does not know');
  if (header.refcountOrder > 6) refuse('its reference counts are wider than 64 bits');
  if (header.snapshots > MOST_SNAPSHOTS) refuse(`it has ${header.snapshots} internal snapshots`);
  checkTables(header, BigInt(fileBytes));
}

function checkTables(header: Qcow2Header, fileBytes: bigint): void {
  const cluster = 2n ** BigInt(header.clusterBits);
  const entryBytes = (header.incompatible & FEATURE.extendedL2) !== 0n ? 16n : 8n;
  const perL1 = cluster * (cluster / entryBytes);
  const needed = (BigInt(header.virtualSizeBytes) + perL1 - 1n) / perL1;
  const l1Bytes = BigInt(header.l1Entries) * 8n;
  if (l1Bytes > MOST_L1_BYTES) refuse('its L1 table is absurdly large');
  if (BigInt(header.l1Entries) < needed) refuse('its L1 table is too small for its size');
  const refcountBytes = BigInt(header.refcountClusters) * cluster;
  if (refcountBytes === 0n || refcountBytes > MOST_REFCOUNT_BYTES)
    refuse('its refcount table has no possible size');
  const tables: [string, bigint, bigint][] = [
    ['L1 table', header.l1Offset, l1Bytes],
    ['refcount table', header.refcountOffset, refcountBytes],
    [
      'snapshot table',
      header.snapshots === 0 ? cluster : header.snapshotsOffset,
      BigInt(header.snapshots) * 40n,
    ],
  ];
  for (const [name, offset, bytes] of tables) {
    if (bytes === 0n) continue;
    if (offset < cluster || offset % cluster !== 0n) refuse(`its ${name} is not where one can be`);
    if (offset + bytes > fileBytes) refuse(`its ${name} lies beyond the end of the file; was it cut off?`);
  }
}
