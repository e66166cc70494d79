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
 * 9.1: length, extended attributes, extent (both orders), data length (both orders), time, flags, unit size,
 * gap size, volume sequence number (both orders), identifier length, identifier, padding, System Use.
 */
export function directoryRecord(record: DirectoryRecord): Buffer {
  const { identifier, systemUse } = record;
  const out = Buffer.alloc(recordBytes(identifier.length, systemUse.length));
  out[0] = out.length;
  putBoth32(out, 2, record.extent);
  putBoth32(out, 10, record.bytes);
  record.time.copy(out, 18);
  out[25] = record.directory ? 2 : 0;
  putBoth16(out, 28, 1);
  out[32] = identifier.length;
  identifier.copy(out, 33);
  systemUse.copy(out, fixedRecordBytes(identifier.length));
  return out;
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

/** 9.4: the same table in little endian (type L) or big endian (type M). */
export function pathTable(entries: readonly PathTableEntry[], order: 'L' | 'M'): Buffer {
  return Buffer.concat(
    entries.map(({ identifier, extent, parent }) => {
      const out = Buffer.alloc(pathTableEntryBytes(identifier.length));
      out[0] = identifier.length;
      if (order === 'L') {
        out.writeUInt32LE(extent, 2);
        out.writeUInt16LE(parent, 6);
      } else {
        out.writeUInt32BE(extent, 2);
        out.writeUInt16BE(parent, 6);
      }
      identifier.copy(out, 8);
      return out;
    }),
  );
}
