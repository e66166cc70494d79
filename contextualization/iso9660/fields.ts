// Writes the elementary fields of ECMA-119: numbers in both byte orders, padded text, and times.

/** Logical sector and block size of every medium we write. */
export const SECTOR = 2048;

/** Bytes rounded up to whole sectors. */
export function sectorsFor(bytes: number): number {
  return Math.ceil(bytes / SECTOR);
}

/** 7.2.3: 16 bits, little endian then big endian. */
export function putBoth16(target: Buffer, at: number, value: number): void {
  target.writeUInt16LE(value, at);
  target.writeUInt16BE(value, at + 2);
}

/** 7.3.3: 32 bits, little endian then big endian. */
export function putBoth32(target: Buffer, at: number, value: number): void {
  target.writeUInt32LE(value, at);
  target.writeUInt32BE(value, at + 4);
}

/** 9.1.5: seven bytes, years since 1900, always UTC. */
export function recordingTime(time: Date): Buffer {
  return Buffer.from([
    time.getUTCFullYear() - 1900,
    time.getUTCMonth() + 1,
    time.getUTCDate(),
    time.getUTCHours(),
    time.getUTCMinutes(),
    time.getUTCSeconds(),
    0,
  ]);
}

/** 8.4.26.1: sixteen digits down to hundredths and the offset from UTC (0). */
export function volumeTime(time: Date): Buffer {
  const digits = time.toISOString().replace(/\D/g, '').slice(0, 16);
  return Buffer.concat([Buffer.from(digits, 'latin1'), Buffer.alloc(1)]);
}

/** "Not specified" in the same field. */
export const NO_VOLUME_TIME = Buffer.concat([Buffer.alloc(16, '0', 'latin1'), Buffer.alloc(1)]);
