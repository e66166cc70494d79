// XDR: what is written is read again, and what cannot be XDR is refused before it costs anything.
import t from 'tap';
import { ProtocolError } from '../../drivers/libvirt/errors.ts';
import {
  type Codec,
  charArray,
  double,
  flag,
  hyper,
  int,
  list,
  optional,
  struct,
  text,
  uhyper,
  uint,
  uuid,
} from '../../drivers/libvirt/rpc/codec.ts';
import { type TypedParam, typedParams, typedValues } from '../../drivers/libvirt/rpc/typed-params.ts';
import { Reader, Writer } from '../../drivers/libvirt/rpc/xdr.ts';

function encode<T>(codec: Codec<T>, value: T): Buffer {
  const out = new Writer(1);
  codec.encode(out, value);
  return out.finish();
}

function decode<T>(codec: Codec<T>, bytes: Buffer): T {
  return codec.decode(new Reader(bytes));
}

const everything = struct({
  int,
  uint,
  hyper,
  uhyper,
  double,
  yes: flag,
  text,
  none: optional(text),
  some: optional(text),
  uuid,
  list: list(struct({ name: text }), 3),
  model: charArray(8),
});

const VALUE = {
  int: -1,
  uint: 4_294_967_295,
  hyper: -9_223_372_036_854_775_808n,
  uhyper: 18_446_744_073_709_551_615n,
  double: 0.5,
  yes: true,
  text: 'Gäste',
  none: null,
  some: '',
  uuid: '6695eb01-f6a4-8304-79aa-97f2502e193f',
  list: [{ name: 'a' }, { name: 'bcde' }],
  model: 'x86_64',
};

t.test('every type survives the way there and back, at the ends of its range', async (t) => {
  const bytes = encode(everything, VALUE);
  t.equal(bytes.length % 4, 0, 'XDR is made of four-byte units');
  t.same(decode(everything, bytes), VALUE);
});

t.test('text is laid out as RFC 4506 section 4.11 shows it', async (t) => {
  t.equal(encode(text, 'sill').toString('hex'), '0000000473696c6c');
  t.equal(encode(text, 'silly').toString('hex'), '0000000573696c6c79000000');
});

t.test('a message cut off anywhere is a named error, never a wrong value', async (t) => {
  const bytes = encode(everything, VALUE);
  for (let length = 0; length < bytes.length; length++) {
    t.throws(() => decode(everything, bytes.subarray(0, length)), ProtocolError, `${length} bytes`);
  }
});

t.test('lengths that cannot be true are refused before anything is allocated', async (t) => {
  const huge = Buffer.from('ffffffff', 'hex');
  t.throws(() => decode(text, huge), ProtocolError);
  t.throws(() => decode(list(int, 10), Buffer.from('0000000b', 'hex')), ProtocolError);
  t.throws(() => decode(list(int, 2 ** 31), Buffer.from('10000000', 'hex')), ProtocolError);
  t.throws(() => decode(typedValues(2 ** 31), Buffer.from('10000000', 'hex')), ProtocolError);
  t.throws(() => decode(optional(int), Buffer.from('00000002', 'hex')), ProtocolError);
});

t.test('what libvirt could not carry is refused before it is sent', async (t) => {
  t.throws(() => encode(text, 'a\0b'), RangeError, 'C would cut the text at the NUL');
  t.throws(() => encode(text, 'x'.repeat(4_194_305)), RangeError);
  t.throws(() => encode(list(int, 1), [1, 2]), RangeError);
  t.throws(() => encode(uuid, 'not-a-uuid'), RangeError);
  t.throws(() => encode(uint, -1), RangeError);
});

t.test('typed parameters keep their types', async (t) => {
  const params: TypedParam[] = [
    { field: 'a', type: 'int', value: -2 },
    { field: 'b', type: 'uint', value: 3 },
    { field: 'c', type: 'llong', value: -4n },
    { field: 'd', type: 'ullong', value: 5n },
    { field: 'e', type: 'double', value: 1.5 },
    { field: 'f', type: 'boolean', value: true },
    { field: '__proto__', type: 'string', value: 'text' },
  ];
  const bytes = encode(typedParams(16), params);
  t.same(decode(typedParams(16), bytes), params);
  const values = decode(typedValues(16), bytes);
  t.same([...values.values()], [-2, 3, -4n, 5n, 1.5, true, 'text']);
  t.equal(values.get('__proto__'), 'text');
  const unknown = Buffer.from('00000001000000016100000000000063', 'hex');
  t.throws(() => decode(typedValues(16), unknown), /unknown type 99/);
});
