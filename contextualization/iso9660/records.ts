// Directory records and path table records (ECMA-119 9.1 and 9.4).
import { putBoth16, putBoth32 } from './fields.ts';

/** Identifiers of "." and "..". */
export const SELF = Buffer.from([0]);
export const PARENT = Buffer.from([1]);

export interface DirectoryRecord {
  identifier: Buffer;
  extent: number;
  bytes: number;
  directory: boolean;
  /** Seven-byte recording time. */
  time: Buffer;
  systemUse: Buffer;
}

/** Length of a record up to its System Use part, which starts at an even offset. */
export function fixedRecordBytes(identifierBytes: number): number {
  return 33 + identifierBytes + (identifierBytes % 2 === 0 ? 1 : 0);
}

/** Length of a whole record; always even. */
export function recordBytes(identifierBytes: number, systemUse: number): number {
  const length = fixedRecordBytes(identifierBytes) + systemUse;
  return length + (length % 2);
}

/**
 * Writes a record into zeros. 9.1: length, extended attributes, extent (both orders), data length (both orders), time,
 * flags, unit size, gap size, volume sequence number (both orders), identifier length, identifier, padding, System Use.
 */
export function putDirectoryRecord(out: Buffer, at: number, record: DirectoryRecord): void {
  const { identifier, systemUse } = record;
  out[at] = recordBytes(identifier.length, systemUse.length);
  putBoth32(out, at + 2, record.extent);
  putBoth32(out, at + 10, record.bytes);
  out.set(record.time, at + 18);
  out[at + 25] = record.directory ? 2 : 0;
  putBoth16(out, at + 28, 1);
  out[at + 32] = identifier.length;
  out.set(identifier, at + 33);
  out.set(systemUse, at + fixedRecordBytes(identifier.length));
}

export interface PathTableEntry {
  identifier: Buffer;
  extent: number;
  /** Number of the parent's entry, counted from 1; the root is its own parent. */
  parent: number;
}

/** Length of one path table record. */
export function pathTableEntryBytes(identifierBytes: number): number {
  return 8 + identifierBytes + (identifierBytes % 2);
}

/** 9.4: the same table in little endian (type L) or big endian (type M), written into zeros. */
export function putPathTable(
  out: Buffer,
  start: number,
  entries: readonly PathTableEntry[],
  order: 'L' | 'M',
): void {
  let at = start;
  for (const { identifier, extent, parent } of entries) {
    out[at] = identifier.length;
    if (order === 'L') {
      out.writeUInt32LE(extent, at + 2);
      out.writeUInt16LE(parent, at + 6);
    } else {
      out.writeUInt32BE(extent, at + 2);
      out.writeUInt16BE(parent, at + 6);
    }
    out.set(identifier, at + 8);
    at += pathTableEntryBytes(identifier.length);
  }
}
