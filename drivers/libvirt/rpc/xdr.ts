// XDR (RFC 4506) as composable codecs; the decoder never reads or allocates beyond what arrived.
import { ProtocolError } from '../errors.ts';

/** REMOTE_STRING_MAX: no string of the protocol is longer, in bytes. */
export const STRING_MAX = 4_194_304;

/** Grows as it is written to; every item is padded to four bytes as RFC 4506 section 3 wants. */
export class Writer {
  #buffer: Buffer;
  #length = 0;

  constructor(size = 256) {
    this.#buffer = Buffer.allocUnsafe(size);
  }

  /** Reserves `size` bytes and says where they begin. */
  reserve(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }

  int32(value: number): void {
    const at = this.reserve(4);
    this.#buffer.writeInt32BE(value, at);
  }

  uint32(value: number): void {
    const at = this.reserve(4);
    this.#buffer.writeUInt32BE(value, at);
  }

  int64(value: bigint): void {
    const at = this.reserve(8);
    this.#buffer.writeBigInt64BE(value, at);
  }

  uint64(value: bigint): void {
    const at = this.reserve(8);
    this.#buffer.writeBigUInt64BE(value, at);
  }

  double(value: number): void {
    const at = this.reserve(8);
    this.#buffer.writeDoubleBE(value, at);
  }

  /** Bytes of a known length, padded, without a length word. */
  opaque(bytes: Uint8Array): void {
    const padded = (bytes.length + 3) & ~3;
    const at = this.reserve(padded);
    this.#buffer.set(bytes, at);
    this.#buffer.fill(0, at + bytes.length, at + padded);
  }

  /** Overwrites a word written before (the length of a frame is known last). */
  patchUint32(at: number, value: number): void {
    this.#buffer.writeUInt32BE(value, at);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

/** Reads one message body; anything that does not fit throws {@link ProtocolError}. */
export class Reader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  #take(size: number): number {
    const at = this.#at;
    if (size > this.#buffer.length - at) {
      throw new ProtocolError(`message ends ${size - (this.#buffer.length - at)} bytes too early`);
    }
    this.#at = at + size;
    return at;
  }

  int32(): number {
    return this.#buffer.readInt32BE(this.#take(4));
  }

  uint32(): number {
    return this.#buffer.readUInt32BE(this.#take(4));
  }

  int64(): bigint {
    return this.#buffer.readBigInt64BE(this.#take(8));
  }

  uint64(): bigint {
    return this.#buffer.readBigUInt64BE(this.#take(8));
  }

  double(): number {
    return this.#buffer.readDoubleBE(this.#take(8));
  }

  /** A view of the next `size` bytes; the padding is skipped. */
  opaque(size: number): Buffer {
    const at = this.#take((size + 3) & ~3);
    return this.#buffer.subarray(at, at + size);
  }

  /** A count or length, refused when above `limit` or when that much cannot follow. */
  count(limit: number, leastBytesEach: number): number {
    const count = this.uint32();
    if (count > limit) throw new ProtocolError(`count ${count} is above the limit of ${limit}`);
    if (count * leastBytesEach > this.remaining) {
      throw new ProtocolError(`count ${count} does not fit into the ${this.remaining} bytes left`);
    }
    return count;
  }

  get remaining(): number {
    return this.#buffer.length - this.#at;
  }
}
