// Frames: how libvirt cuts a byte stream into messages.
//
//   0        4         8        12        16        20        24        28
//   | length | program | version | procedure | type | serial | status | body …
//
// `length` counts itself. All words are big-endian (XDR). Source: libvirt's "RPC protocol" document.
import { ProtocolError } from '../errors.ts';
import { Writer } from './xdr.ts';

/** Bytes before the body: the length word and six header words. */
export const HEADER_BYTES = 28;
/** VIR_NET_MESSAGE_MAX (32 MiB) and the length word: no longer message exists. */
export const FRAME_MAX = 32 * 1024 * 1024 + 4;
/** VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX: the largest stream packet every libvirt accepts, in bytes. */
export const STREAM_PAYLOAD_MAX = 262_120;

export const PROGRAMS = { remote: 0x20008086, qemu: 0x20008087, keepalive: 0x6b656570 } as const;

export const MESSAGE_TYPE = { call: 0, reply: 1, message: 2, stream: 3, streamHole: 6 } as const;

export const MESSAGE_STATUS = { ok: 0, error: 1, continue: 2 } as const;

export interface Header {
  program: number;
  version: number;
  procedure: number;
  type: number;
  serial: number;
  status: number;
}

export interface Frame extends Header {
  body: Buffer;
}

/** One message as bytes; `body` writes what follows the header. */
export function encodeFrame(header: Header, body?: (out: Writer) => void): Buffer {
  const out = new Writer();
  out.uint32(0);
  out.uint32(header.program);
  out.uint32(header.version);
  out.int32(header.procedure);
  out.int32(header.type);
  out.uint32(header.serial);
  out.int32(header.status);
  body?.(out);
  if (out.length > FRAME_MAX) throw new RangeError(`message of ${out.length} bytes is too long for libvirt`);
  out.patchUint32(0, out.length);
  return out.finish();
}

/** A stream packet: raw bytes, not XDR opaque data, follow the header. */
export function encodeStreamFrame(header: Header, data: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + data.length);
  encodeFrame(header).copy(frame);
  frame.writeUInt32BE(frame.length, 0);
  frame.set(data, HEADER_BYTES);
  return frame;
}

function parse(bytes: Buffer): Frame {
  return {
    program: bytes.readUInt32BE(4),
    version: bytes.readUInt32BE(8),
    procedure: bytes.readInt32BE(12),
    type: bytes.readInt32BE(16),
    serial: bytes.readUInt32BE(20),
    status: bytes.readInt32BE(24),
    body: bytes.subarray(HEADER_BYTES),
  };
}

/**
 * Puts frames together from chunks cut anywhere. A length outside the protocol's bounds is refused as
 * soon as its four bytes are here, so that nobody can make us hold more than one frame.
 */
export class FrameSplitter {
  readonly #max: number;
  #chunks: Buffer[] = [];
  #held = 0;

  constructor(max = FRAME_MAX) {
    this.#max = max;
  }

  /**
   * @returns the frames completed by this chunk, in order.
   * @throws ProtocolError when the stream cannot be libvirt's; the splitter is then useless.
   */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    const frames: Frame[] = [];
    for (let length = this.#complete(); length > 0; length = this.#complete()) {
      frames.push(parse(this.#cut(length)));
    }
    return frames;
  }

  /** Length of the first frame if all of it is here, or 0. */
  #complete(): number {
    if (this.#held < 4) return 0;
    const length = this.#peekLength();
    if (length < HEADER_BYTES || length > this.#max) {
      throw new ProtocolError(`a message of ${length} bytes cannot be libvirt's`);
    }
    return this.#held >= length ? length : 0;
  }

  #peekLength(): number {
    const first = this.#chunks[0];
    if (first !== undefined && first.length >= 4) return first.readUInt32BE(0);
    this.#join();
    return this.#chunks[0]!.readUInt32BE(0);
  }

  #join(): void {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#held)];
  }

  #cut(length: number): Buffer {
    if (this.#chunks[0]!.length < length) this.#join();
    const first = this.#chunks[0]!;
    this.#held -= length;
    if (first.length === length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(length);
    return first.subarray(0, length);
  }
}
