// System Use entries of SUSP 1.12 and Rock Ridge (RRIP 1991A): true names, modes and times for POSIX guests.
import { putBoth32, recordingTime } from './fields.ts';
import type { TreeNode } from './tree.ts';

/** The System Use part of one directory record. */
export interface SystemUse {
  inline: Buffer;
  /** What found no room in the record: goes to the continuation area, pointed at by a CE entry. */
  overflow?: Buffer;
}

/** A directory record is at most 255 bytes, and of even length. */
const MAX_RECORD = 254;
/** SUSP 5.1: the CE entry. */
const CE_BYTES = 28;
/** An NM entry's length is one byte; five of it are its head. */
const MAX_NM_PART = 250;

/** System Use of a file or a directory in its parent; `fixedBytes` is the record without it. */
export function nodeSystemUse(node: TreeNode, time: Date, fixedBytes: number): SystemUse {
  const attributes = posixAttributes(node);
  const times = timeStamps(time);
  const name = alternateName(node.name);
  const whole = Buffer.concat([attributes, times, name]);
  if (fixedBytes + whole.length <= MAX_RECORD) return { inline: whole };
  return { inline: Buffer.concat([attributes, times]), overflow: name };
}

/** System Use of "." and ".."; the root's "." also says that SUSP and Rock Ridge are in use. */
export function dotSystemUse(node: TreeNode, time: Date, rootSelf: boolean): SystemUse {
  const common = Buffer.concat([posixAttributes(node), timeStamps(time)]);
  if (!rootSelf) return { inline: common };
  return { inline: Buffer.concat([susp(), common]), overflow: extensionReference() };
}

/** Bytes the System Use part takes in its record. */
export function systemUseBytes(use: SystemUse): number {
  return use.inline.length + (use.overflow ? CE_BYTES : 0);
}

/** CE (SUSP 5.1): where the rest is. */
export function continuation(sector: number, offset: number, length: number): Buffer {
  const entry = head('CE', CE_BYTES);
  putBoth32(entry, 4, sector);
  putBoth32(entry, 12, offset);
  putBoth32(entry, 20, length);
  return entry;
}

function head(signature: string, length: number): Buffer {
  const entry = Buffer.alloc(length);
  entry.write(signature, 0, 'latin1');
  entry[2] = length;
  entry[3] = 1;
  return entry;
}

/** SP (SUSP 5.3). */
function susp(): Buffer {
  const entry = head('SP', 7);
  entry[4] = 0xbe;
  entry[5] = 0xef;
  return entry;
}

/** ER (SUSP 5.5) with the identifier that RRIP prescribes. */
function extensionReference(): Buffer {
  const id = 'RRIP_1991A';
  const description = 'THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS';
  const source = 'SEE IEEE P1282, ROCK RIDGE INTERCHANGE PROTOCOL';
  const entry = head('ER', 8 + id.length + description.length + source.length);
  entry[4] = id.length;
  entry[5] = description.length;
  entry[6] = source.length;
  entry[7] = 1;
  entry.write(id + description + source, 8, 'latin1');
  return entry;
}

/** PX (RRIP 4.1.1): mode, links, owner and group (root). */
function posixAttributes(node: TreeNode): Buffer {
  const entry = head('PX', 36);
  if (node.kind === 'file') {
    putBoth32(entry, 4, 0o100000 | node.mode);
    putBoth32(entry, 12, 1);
  } else {
    putBoth32(entry, 4, 0o040555);
    putBoth32(entry, 12, 2 + node.children.filter((child) => child.kind === 'directory').length);
  }
  return entry;
}

/** TF (RRIP 4.1.6): modification, access and attribute change, seven bytes each. */
function timeStamps(time: Date): Buffer {
  const stamp = recordingTime(time);
  const entry = head('TF', 5 + 3 * stamp.length);
  entry[4] = 0b1110;
  for (let i = 0; i < 3; i += 1) stamp.copy(entry, 5 + i * stamp.length);
  return entry;
}

/** NM (RRIP 4.1.4): the name in UTF-8, in several entries when long. */
function alternateName(name: string): Buffer {
  const bytes = Buffer.from(name, 'utf8');
  const entries: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += MAX_NM_PART) {
    const part = bytes.subarray(at, at + MAX_NM_PART);
    const entry = head('NM', 5 + part.length);
    entry[4] = at + part.length < bytes.length ? 1 : 0;
    part.copy(entry, 5);
    entries.push(entry);
  }
  return Buffer.concat(entries);
}
