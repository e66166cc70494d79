// Volume descriptors (ECMA-119 8): the primary one, Joliet's supplementary one, and the terminator.
import { NO_VOLUME_TIME, putBoth16, putBoth32, SECTOR } from './fields.ts';

/** Where one of the two trees lies; extents in sectors, sizes in bytes. */
export interface TreeLocation {
  pathTableBytes: number;
  pathTableL: number;
  pathTableM: number;
}

export interface VolumeFacts {
  label: string;
  sectors: number;
  /** As `volumeTime` gives it. */
  time: Buffer;
}

type PutText = (out: Buffer, at: number, bytes: number, text: string) => void;

/** The root's own directory record, of 34 bytes, in a volume descriptor. */
export const ROOT_RECORD = 156;
const LABEL = 40;
const LABEL_BYTES = 32;
/** Text fields of 8.4, which are the same on every medium, as offset, length and what they say. */
const TEXTS: readonly (readonly [number, number, string])[] = [
  [8, 32, 'LINUX'],
  [190, 128, ''],
  [318, 128, ''],
  [446, 128, 'INNKEEPER'],
  [574, 128, ''],
  [702, 37, ''],
  [739, 37, ''],
  [776, 37, ''],
];

const ascii: PutText = (out, at, bytes, text) => {
  out.write(text.padEnd(bytes), at, 'latin1');
};

/** UCS-2, big endian; the odd byte of a field stays zero. */
const ucs2: PutText = (out, at, bytes, text) => {
  const units = Math.floor(bytes / 2);
  out.write(text.slice(0, units).padEnd(units), at, 'utf16le');
  out.subarray(at, at + 2 * units).swap16();
};

/** One of the two descriptors: what no medium changes in it, and its way to write text. */
export interface DescriptorKind {
  common: Buffer;
  putText: PutText;
}

/** Of the primary tree, whose text fields are plain ASCII. */
export const PRIMARY: DescriptorKind = { common: common(1, ascii), putText: ascii };
/** Of the Joliet tree, in UCS-2. */
export const SUPPLEMENTARY: DescriptorKind = { common: common(2, ucs2), putText: ucs2 };
// The escape sequence for UCS-2 level 3.
SUPPLEMENTARY.common.write('%/E', 88, 'latin1');
const TERMINATOR = start(255);

/** Writes a descriptor, without the root's record. */
export function putDescriptor(
  out: Buffer,
  at: number,
  kind: DescriptorKind,
  volume: VolumeFacts,
  tree: TreeLocation,
): void {
  out.set(kind.common, at);
  kind.putText(out, at + LABEL, LABEL_BYTES, volume.label);
  putBoth32(out, at + 80, volume.sectors);
  putBoth32(out, at + 132, tree.pathTableBytes);
  out.writeUInt32LE(tree.pathTableL, at + 140);
  out.writeUInt32BE(tree.pathTableM, at + 148);
  out.set(volume.time, at + 813);
  out.set(volume.time, at + 830);
}

/** 8.3: the end of the descriptors. */
export function putTerminator(out: Buffer, at: number): void {
  out.set(TERMINATOR, at);
}

function start(type: number): Buffer {
  const out = Buffer.alloc(SECTOR);
  out[0] = type;
  out.write('CD001', 1, 'latin1');
  out[6] = 1;
  return out;
}

function common(type: number, putText: PutText): Buffer {
  const out = start(type);
  for (const [at, bytes, text] of TEXTS) putText(out, at, bytes, text);
  putBoth16(out, 120, 1);
  putBoth16(out, 124, 1);
  putBoth16(out, 128, SECTOR);
  out.set(NO_VOLUME_TIME, 847);
  out.set(NO_VOLUME_TIME, 864);
  out[881] = 1;
  return out;
}
