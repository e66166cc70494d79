// Makes clients' DHCP messages and reads replies, independently of the codec under test.

export interface MessageFields {
  xid?: number;
  flags?: number;
  ciaddr?: string;
  giaddr?: string;
  mac?: string;
}

/** Options as [code, octets] pairs, sent in this order. */
export function dhcpMessage(fields: MessageFields, options: [number, number[]][]): Buffer {
  const head = Buffer.alloc(240);
  head.set([1, 1, 6, 0]);
  head.writeUInt32BE(fields.xid ?? 0x12345678, 4);
  head.writeUInt16BE(fields.flags ?? 0, 10);
  head.set(octets(fields.ciaddr ?? '0.0.0.0'), 12);
  head.set(octets(fields.giaddr ?? '0.0.0.0'), 24);
  head.set(Buffer.from((fields.mac ?? '52:54:5e:00:00:01').replaceAll(':', ''), 'hex'), 28);
  head.set([0x63, 0x82, 0x53, 0x63], 236);
  const body = options.flatMap(([code, value]) => [code, value.length, ...value]);
  return Buffer.concat([head, Buffer.from([...body, 255])]);
}

export function octets(address: string): number[] {
  return address.split('.').map(Number);
}

export interface ReadReply {
  xid: number;
  ciaddr: string;
  yiaddr: string;
  siaddr: string;
  mac: string;
  /** Option codes of the options field in the order sent. */
  codes: number[];
  /** By code, also from `file` and `sname` if option 52 says so; instances joined. */
  options: Map<number, number[]>;
}

export function readReply(reply: Buffer): ReadReply {
  const options = new Map<number, number[]>();
  const codes = readField(reply.subarray(240), options);
  const overload = options.get(52)?.[0] ?? 0;
  if (overload & 1) readField(reply.subarray(108, 236), options);
  if (overload & 2) readField(reply.subarray(44, 108), options);
  const address = (at: number) => [...reply.subarray(at, at + 4)].join('.');
  return {
    xid: reply.readUInt32BE(4),
    ciaddr: address(12),
    yiaddr: address(16),
    siaddr: address(20),
    mac: reply.subarray(28, 34).toString('hex'),
    codes,
    options,
  };
}

function readField(field: Buffer, options: Map<number, number[]>): number[] {
  const codes: number[] = [];
  for (let at = 0; field[at] !== 255; ) {
    const code = field[at] as number;
    if (code === 0) {
      at++;
      continue;
    }
    const length = field[at + 1] as number;
    options.set(code, [...(options.get(code) ?? []), ...field.subarray(at + 2, at + 2 + length)]);
    codes.push(code);
    at += 2 + length;
    if (at >= field.length) throw new Error('no end mark');
  }
  return codes;
}
