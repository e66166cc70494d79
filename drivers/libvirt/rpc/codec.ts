// Codecs: descriptions of XDR types that encode, decode and give the TypeScript type.
import { ProtocolError } from '../errors.ts';
import { type Reader, STRING_MAX, type Writer } from './xdr.ts';

/** How one XDR type is written and read. */
export interface Codec<T> {
  encode(out: Writer, value: T): void;
  /** @throws ProtocolError when the bytes are not of this type. */
  decode(input: Reader): T;
}

/** The TypeScript type a codec stands for. */
export type Static<C> = C extends Codec<infer T> ? T : never;

/** XDR void: no arguments, no result. */
export const nothing: Codec<undefined> = { encode: () => {}, decode: () => undefined };

export const int: Codec<number> = {
  encode: (out, value) => out.int32(value),
  decode: (input) => input.int32(),
};

/** Also C's unsigned char and unsigned short, which XDR widens to four bytes. */
export const uint: Codec<number> = {
  encode: (out, value) => out.uint32(value),
  decode: (input) => input.uint32(),
};

export const hyper: Codec<bigint> = {
  encode: (out, value) => out.int64(value),
  decode: (input) => input.int64(),
};

export const uhyper: Codec<bigint> = {
  encode: (out, value) => out.uint64(value),
  decode: (input) => input.uint64(),
};

export const double: Codec<number> = {
  encode: (out, value) => out.double(value),
  decode: (input) => input.double(),
};

/** An int used as a truth value. */
export const flag: Codec<boolean> = {
  encode: (out, value) => out.int32(value ? 1 : 0),
  decode: (input) => input.int32() !== 0,
};

/** UTF-8 text. A NUL would be cut off silently by the C side, so it is refused here. */
export const text: Codec<string> = {
  encode(out, value) {
    if (value.includes('\0')) throw new RangeError('text for libvirt must not contain NUL');
    const bytes = Buffer.from(value, 'utf8');
    if (bytes.length > STRING_MAX) {
      throw new RangeError(`text of ${bytes.length} bytes is longer than libvirt's ${STRING_MAX}`);
    }
    out.uint32(bytes.length);
    out.opaque(bytes);
  },
  decode: (input) => input.opaque(input.count(STRING_MAX, 1)).toString('utf8'),
};

/** XDR optional-data; absent is `null`. */
export function optional<T>(codec: Codec<T>): Codec<T | null> {
  return {
    encode(out, value) {
      out.uint32(value === null ? 0 : 1);
      if (value !== null) codec.encode(out, value);
    },
    decode(input) {
      const present = input.uint32();
      if (present > 1) throw new ProtocolError(`optional value announced by ${present}`);
      return present === 1 ? codec.decode(input) : null;
    },
  };
}

/** XDR variable-length array of at most `limit` items of at least four bytes each. */
export function list<T>(codec: Codec<T>, limit: number): Codec<T[]> {
  return {
    encode(out, values) {
      if (values.length > limit) throw new RangeError(`${values.length} items, ${limit} are allowed`);
      out.uint32(values.length);
      for (const value of values) codec.encode(out, value);
    },
    decode(input) {
      const count = input.count(limit, 4);
      const values: T[] = [];
      for (let index = 0; index < count; index++) values.push(codec.decode(input));
      return values;
    },
  };
}

/** Fields in the order they are written in. */
export function struct<F extends Record<string, Codec<unknown>>>(
  fields: F,
): Codec<{ [K in keyof F]: Static<F[K]> }> {
  const entries = Object.entries(fields);
  return {
    encode(out, value) {
      for (const [name, codec] of entries) codec.encode(out, value[name]);
    },
    decode(input) {
      const value: Record<string, unknown> = {};
      for (const [name, codec] of entries) value[name] = codec.decode(input);
      return value as { [K in keyof F]: Static<F[K]> };
    },
  };
}

/** A C `char[size]`: XDR widens every char to four bytes; the text ends at the first NUL. */
export function charArray(size: number): Codec<string> {
  return {
    encode(out, value) {
      const bytes = Buffer.alloc(size);
      bytes.write(value, 'latin1');
      for (const byte of bytes) out.int32(byte);
    },
    decode(input) {
      const bytes = Buffer.alloc(size);
      for (let index = 0; index < size; index++) bytes[index] = input.int32() & 0xff;
      const end = bytes.indexOf(0);
      return bytes.toString('utf8', 0, end < 0 ? size : end);
    },
  };
}

const UUID = /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i;

/** Sixteen opaque bytes on the wire, RFC 4122 text (lower case, with dashes) in TypeScript. */
export const uuid: Codec<string> = {
  encode(out, value) {
    if (!UUID.test(value)) throw new RangeError(`${JSON.stringify(value)} is not a UUID`);
    out.opaque(Buffer.from(value.replaceAll('-', ''), 'hex'));
  },
  decode(input) {
    const hex = input.opaque(16).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  },
};
