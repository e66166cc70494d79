// System Use entries of SUSP 1.12 and Rock Ridge (RRIP 1991A): true names, modes and times for POSIX guests.
import { putBoth32, recordingTime } from './fields.ts';
import type { TreeNode } from './tree.ts';

/** The System Use part of one directory record. */
export interface SystemUse {
  /** With an overflow, a CE entry is at its end, which says nothing until `pointAt` has been told where. */
  inline: Buffer;
  /** What found no room in the record: goes to the continuation area. */
  overflow?: Buffer;
}

/** A directory record is at most 255 bytes, and of even length. */
const MAX_RECORD = 254;
const SP_BYTES = 7;
const PX_BYTES = 36;
const TF_BYTES = 26;
/** SUSP 5.1: the CE entry. */
const CE_BYTES = 28;
const NM_HEAD = 5;
/** An NM entry's length is one byte; five of it are its head. */
const MAX_NM_PART = 250;
const EXTENSION_REFERENCE = extensionReference();

/** System Use of a file or a directory in its parent; `fixedBytes` is the record without it. */
export function nodeSystemUse(node: TreeNode, stamps: Buffer, fixedBytes: number): SystemUse {
  const nameAt = PX_BYTES + TF_BYTES;
  const nameEntry = NM_HEAD + Buffer.byteLength(node.name);
  if (fixedBytes + nameAt + nameEntry <= MAX_RECORD) {
    const inline = Buffer.alloc(nameAt + nameEntry);
    putPosix(inline, 0, node, stamps);
    putHead(inline, nameAt, 'NM', nameEntry);
    inline.write(node.name, nameAt + NM_HEAD, 'utf8');
    return { inline };
  }
  const inline = Buffer.alloc(nameAt + CE_BYTES);
  putPosix(inline, 0, node, stamps);
  return { inline, overflow: alternateName(node.name) };
}

/** System Use of "." and ".."; the root's "." also says that SUSP and Rock Ridge are in use. */
export function dotSystemUse(node: TreeNode, stamps: Buffer, rootSelf: boolean): SystemUse {
  const inline = Buffer.alloc(PX_BYTES + TF_BYTES + (rootSelf ? SP_BYTES + CE_BYTES : 0));
  putPosix(inline, rootSelf ? SP_BYTES : 0, node, stamps);
  if (!rootSelf) return { inline };
  putSusp(inline);
  return { inline, overflow: EXTENSION_REFERENCE };
}

/** CE (SUSP 5.1): where the overflow is. */
export function pointAt({ inline, overflow }: Required<SystemUse>, sector: number, offset: number): void {
  const at = inline.length - CE_BYTES;
  putHead(inline, at, 'CE', CE_BYTES);
  putBoth32(inline, at + 4, sector);
  putBoth32(inline, at + 12, offset);
  putBoth32(inline, at + 20, overflow.length);
}

/** TF (RRIP 4.1.6): modification, access and attribute change, seven bytes each; the same in every record. */
export function timeStamps(time: Date): Buffer {
  const stamp = recordingTime(time);
  const entry = Buffer.alloc(TF_BYTES);
  putHead(entry, 0, 'TF', TF_BYTES);
  entry[4] = 0b1110;
  for (let i = 0; i < 3; i += 1) entry.set(stamp, 5 + i * stamp.length);
  return entry;
}

function putHead(out: Buffer, at: number, signature: string, length: number): void {
  out.write(signature, at, 'latin1');
  out[at + 2] = length;
  out[at + 3] = 1;
}

/** SP (SUSP 5.3). */
function putSusp(out: Buffer): void {
  putHead(out, 0, 'SP', SP_BYTES);
  out[4] = 0xbe;
  out[5] = 0xef;
}

/** ER (SUSP 5.5) with the identifier that RRIP prescribes. */
function extensionReference(): Buffer {
  const id = 'RRIP_1991A';
  const description = 'THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS';
  const source = 'SEE IEEE P1282, ROCK RIDGE INTERCHANGE PROTOCOL';
  const entry = Buffer.alloc(8 + id.length + description.length + source.length);
  putHead(entry, 0, 'ER', entry.length);
  entry[4] = id.length;
  entry[5] = description.length;
  entry[6] = source.length;
  entry[7] = 1;
  entry.write(id + description + source, 8, 'latin1');
  return entry;
}

/** PX (RRIP 4.1.1): mode, links, owner and group (root); then the time stamps. */
function putPosix(out: Buffer, at: number, node: TreeNode, stamps: Buffer): void {
  putHead(out, at, 'PX', PX_BYTES);
  if (node.kind === 'file') {
    putBoth32(out, at + 4, 0o100000 | node.mode);
    putBoth32(out, at + 12, 1);
  } else {
    putBoth32(out, at + 4, 0o040555);
    putBoth32(out, at + 12, 2 + node.children.filter((child) => child.kind === 'directory').length);
  }
  out.set(stamps, at + PX_BYTES);
}

/** NM (RRIP 4.1.4): the name in UTF-8, in several entries when long. */
function alternateName(name: string): Buffer {
  const bytes = Buffer.from(name, 'utf8');
  const entries: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += MAX_NM_PART) {
    const part = bytes.subarray(at, at + MAX_NM_PART);
    const entry = Buffer.alloc(NM_HEAD + part.length);
    putHead(entry, 0, 'NM', entry.length);
    entry[4] = at + part.length < bytes.length ? 1 : 0;
    entry.set(part, NM_HEAD);
    entries.push(entry);
  }
  return Buffer.concat(entries);
}
