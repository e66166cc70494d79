// Volume descriptors (ECMA-119 8): the primary one, Joliet's supplementary one, and the terminator.
import { NO_VOLUME_TIME, putBoth16, putBoth32, SECTOR, volumeTime } from './fields.ts';

/** Where one of the two trees lies; extents in sectors, sizes in bytes. */
export interface TreeLocation {
  pathTableBytes: number;
  pathTableL: number;
  pathTableM: number;
  /** The root's own directory record, 34 bytes. */
  rootRecord: Buffer;
}

export interface VolumeFacts {
  label: string;
  sectors: number;
  time: Date;
}

/** The descriptor of the primary tree, whose text fields are plain ASCII. */
export function primaryDescriptor(volume: VolumeFacts, tree: TreeLocation): Buffer {
  return descriptor(1, volume, tree, (text, bytes) => Buffer.from(text.padEnd(bytes), 'latin1'));
}

/** The descriptor of the Joliet tree: escape sequence for UCS-2 level 3, text in UCS-2 big endian. */
export function jolietDescriptor(volume: VolumeFacts, tree: TreeLocation): Buffer {
  const out = descriptor(2, volume, tree, (text, bytes) => {
    const units = Math.floor(bytes / 2);
    const field = Buffer.alloc(bytes);
    Buffer.from(text.slice(0, units).padEnd(units), 'utf16le').swap16().copy(field);
    return field;
  });
  out.write('%/E', 88, 'latin1');
  return out;
}

/** 8.3: the end of the descriptors. */
export function terminator(): Buffer {
  return start(255);
}

function start(type: number): Buffer {
  const out = Buffer.alloc(SECTOR);
  out[0] = type;
  out.write('CD001', 1, 'latin1');
  out[6] = 1;
  return out;
}

/** Text fields of 8.4 as offset, length and what they say. */
function textFields(label: string): [number, number, string][] {
  return [
    [8, 32, 'LINUX'],
    [40, 32, label],
    [190, 128, ''],
    [318, 128, ''],
    [446, 128, 'INNKEEPER'],
    [574, 128, ''],
    [702, 37, ''],
    [739, 37, ''],
    [776, 37, ''],
  ];
}

function descriptor(
  type: number,
  volume: VolumeFacts,
  tree: TreeLocation,
  encode: (text: string, bytes: number) => Buffer,
): Buffer {
  const out = start(type);
  for (const [at, bytes, text] of textFields(volume.label)) encode(text, bytes).copy(out, at);
  putBoth32(out, 80, volume.sectors);
  putBoth16(out, 120, 1);
  putBoth16(out, 124, 1);
  putBoth16(out, 128, SECTOR);
  putBoth32(out, 132, tree.pathTableBytes);
  out.writeUInt32LE(tree.pathTableL, 140);
  out.writeUInt32BE(tree.pathTableM, 148);
  tree.rootRecord.copy(out, 156);
  volumeTime(volume.time).copy(out, 813);
  volumeTime(volume.time).copy(out, 830);
  NO_VOLUME_TIME.copy(out, 847);
  NO_VOLUME_TIME.copy(out, 864);
  out[881] = 1;
  return out;
}
