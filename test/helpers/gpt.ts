// A disk of many partitions (GPT), so that one machine can be shown hundreds of images as block devices.
import { open, stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

const SECTOR = 512;
const ENTRY_BYTES = 128;
/** Linux shows no more of one disk. */
const MOST_PARTITIONS = 255;
/** Where the first partition begins, in sectors: behind everything that describes them. */
const FIRST = 2048;
/** "Linux filesystem data", as it is written on the disk. */
const TYPE = Buffer.from('af3dc60f838472478e793d69d8477de4', 'hex');

/**
 * Writes `images`, each of whole sectors, as the partitions of one disk (UEFI specification 2.10, chapter 5).
 * There is no second table at its end: Linux does without.
 */
export async function partitionedDisk(path: string, images: readonly string[]): Promise<void> {
  if (images.length > MOST_PARTITIONS) throw new Error(`${images.length} partitions are too many`);
  const entries = Buffer.alloc(256 * ENTRY_BYTES);
  const disk = await open(path, 'wx');
  try {
    let at = FIRST;
    for (const [index, image] of images.entries()) {
      const { size } = await stat(image);
      entries.set(partition(index, at, at + size / SECTOR - 1), index * ENTRY_BYTES);
      const source = await open(image, 'r');
      await disk.write(await source.readFile(), 0, size, at * SECTOR);
      await source.close();
      at += size / SECTOR;
    }
    await disk.truncate((at + FIRST) * SECTOR);
    await disk.write(protectiveRecord(), 0, SECTOR, 0);
    await disk.write(header(entries, at + FIRST), 0, SECTOR, SECTOR);
    await disk.write(entries, 0, entries.length, 2 * SECTOR);
  } finally {
    await disk.close();
  }
}

function partition(index: number, first: number, last: number): Buffer {
  const entry = Buffer.alloc(ENTRY_BYTES);
  entry.set(TYPE);
  // Any identity will do, if no two have the same.
  entry.writeUInt32LE(index + 1, 16);
  entry.writeBigUInt64LE(BigInt(first), 32);
  entry.writeBigUInt64LE(BigInt(last), 40);
  return entry;
}

/** Tells programs that know no GPT that the whole disk is taken. */
function protectiveRecord(): Buffer {
  const record = Buffer.alloc(SECTOR);
  record.set([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], 446);
  record.writeUInt16LE(0xaa55, 510);
  return record;
}

function header(entries: Buffer, sectors: number): Buffer {
  const bytes = Buffer.alloc(SECTOR);
  bytes.write('EFI PART');
  bytes.writeUInt32LE(0x00010000, 8);
  bytes.writeUInt32LE(92, 12);
  bytes.writeBigUInt64LE(1n, 24);
  bytes.writeBigUInt64LE(BigInt(sectors - 1), 32);
  bytes.writeBigUInt64LE(BigInt(FIRST), 40);
  bytes.writeBigUInt64LE(BigInt(sectors - 2), 48);
  bytes.writeUInt32LE(0xffffffff, 56);
  bytes.writeBigUInt64LE(2n, 72);
  bytes.writeUInt32LE(entries.length / ENTRY_BYTES, 80);
  bytes.writeUInt32LE(ENTRY_BYTES, 84);
  bytes.writeUInt32LE(crc32(entries), 88);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 92)), 16);
  return bytes;
}
