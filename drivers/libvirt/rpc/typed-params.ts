// libvirt's typed parameters: named values whose type travels with them (virTypedParameter).
import { ProtocolError } from '../errors.ts';
import { type Codec, double, flag, hyper, int, text, uhyper, uint } from './codec.ts';
import type { Reader } from './xdr.ts';

/** One parameter to be sent; libvirt refuses a wrong type, so it is stated. */
export type TypedParam =
  | { field: string; type: 'int' | 'uint' | 'double'; value: number }
  | { field: string; type: 'llong' | 'ullong'; value: bigint }
  | { field: string; type: 'boolean'; value: boolean }
  | { field: string; type: 'string'; value: string };

/** A received value: 64-bit integers are bigint. */
export type TypedValue = number | bigint | boolean | string;

/** Received parameters by name, for example `state.state` or `block.0.wr.bytes`. */
export type TypedValues = ReadonlyMap<string, TypedValue>;

/** VIR_TYPED_PARAM_*: number on the wire, name and codec. */
const TYPES = [
  { number: 1, name: 'int', codec: int },
  { number: 2, name: 'uint', codec: uint },
  { number: 3, name: 'llong', codec: hyper },
  { number: 4, name: 'ullong', codec: uhyper },
  { number: 5, name: 'double', codec: double },
  { number: 6, name: 'boolean', codec: flag },
  { number: 7, name: 'string', codec: text },
] as const;

const BY_NUMBER = new Map<number, Codec<unknown>>(TYPES.map((type) => [type.number, type.codec]));
const BY_NAME = new Map<string, { number: number; codec: unknown }>(TYPES.map((type) => [type.name, type]));

function decodeValue(input: Reader): TypedValue {
  const number = input.int32();
  const codec = BY_NUMBER.get(number);
  if (codec === undefined) throw new ProtocolError(`typed parameter of unknown type ${number}`);
  return codec.decode(input) as TypedValue;
}

/** Parameters as an argument: a list, in the caller's order. */
export function typedParams(limit: number): Codec<TypedParam[]> {
  return {
    encode(out, params) {
      if (params.length > limit) throw new RangeError(`${params.length} parameters, ${limit} are allowed`);
      out.uint32(params.length);
      for (const param of params) {
        const type = BY_NAME.get(param.type);
        if (type === undefined) throw new RangeError(`unknown parameter type ${param.type}`);
        text.encode(out, param.field);
        out.int32(type.number);
        (type.codec as Codec<unknown>).encode(out, param.value);
      }
    },
    decode(input) {
      const params: TypedParam[] = [];
      for (let left = input.count(limit, 12); left > 0; left--) {
        const field = text.decode(input);
        const number = input.int32();
        const type = TYPES.find((candidate) => candidate.number === number);
        if (type === undefined) throw new ProtocolError(`typed parameter of unknown type ${number}`);
        params.push({ field, type: type.name, value: type.codec.decode(input) } as TypedParam);
      }
      return params;
    },
  };
}

/** Parameters as a result: a map, because callers look values up by name. */
export function typedValues(limit: number): Codec<TypedValues> {
  return {
    encode() {
      throw new RangeError('typed values are only ever received');
    },
    decode(input) {
      const values = new Map<string, TypedValue>();
      for (let left = input.count(limit, 12); left > 0; left--) {
        const field = text.decode(input);
        values.set(field, decodeValue(input));
      }
      return values;
    },
  };
}
