// Crafts the head of a qcow2 file, sound unless told otherwise, for tests of what reads it.

export interface CraftedHead {
  version?: number;
  clusterBits?: number;
  sizeBytes?: bigint;
  crypt?: number;
  l1Entries?: number;
  l1Offset?: bigint;
  refcountOffset?: bigint;
  refcountClusters?: number;
  snapshots?: number;
  snapshotsOffset?: bigint;
  incompatible?: bigint;
  refcountOrder?: number;
  headerLength?: number;
  backing?: string;
  /** Where the header says that the name is, and how long; default as it is. */
  backingOffset?: bigint;
  backingLength?: number;
  extensions?: { type: number; text: string; length?: number }[];
}

/** Length of the file a sound head describes. */
export const FILE_BYTES = 1024 * 1024;

/** The first 64 KiB of an image of 1 GiB. */
export function craftHead(wish: CraftedHead = {}): Uint8Array {
  const bytes = Buffer.alloc(65536);
  bytes.write('QFI\xfb', 0, 'latin1');
  bytes.writeUInt32BE(wish.version ?? 3, 4);
  bytes.writeUInt32BE(wish.clusterBits ?? 16, 20);
  bytes.writeBigUInt64BE(wish.sizeBytes ?? 1n << 30n, 24);
  bytes.writeUInt32BE(wish.crypt ?? 0, 32);
  bytes.writeUInt32BE(wish.l1Entries ?? 2, 36);
  bytes.writeBigUInt64BE(wish.l1Offset ?? 0x30000n, 40);
  bytes.writeBigUInt64BE(wish.refcountOffset ?? 0x10000n, 48);
  bytes.writeUInt32BE(wish.refcountClusters ?? 1, 56);
  bytes.writeUInt32BE(wish.snapshots ?? 0, 60);
  bytes.writeBigUInt64BE(wish.snapshotsOffset ?? 0n, 64);
  bytes.writeBigUInt64BE(wish.incompatible ?? 0n, 72);
  bytes.writeUInt32BE(wish.refcountOrder ?? 4, 96);
  bytes.writeUInt32BE(wish.headerLength ?? 104, 100);
  let at = wish.headerLength === undefined ? 104 : Math.min(wish.headerLength, 1024);
  for (const { type, text, length } of wish.extensions ?? []) {
    bytes.writeUInt32BE(type, at);
    bytes.writeUInt32BE(length ?? text.length, at + 4);
    bytes.write(text, at + 8, 'latin1');
    at += 8 + Math.ceil(text.length / 8) * 8;
  }
  if (wish.backing !== undefined || wish.backingOffset !== undefined) {
    const offset = wish.backingOffset ?? BigInt(at + 8);
    if (wish.backing !== undefined && offset < 60000n) bytes.write(wish.backing, Number(offset), 'latin1');
    bytes.writeBigUInt64BE(offset, 8);
    bytes.writeUInt32BE(wish.backingLength ?? wish.backing?.length ?? 0, 16);
  }
  return bytes;
}

/** Small, fast and the same every time (mulberry32): failures can be repeated by their seed. */
export function randomBySeed(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
