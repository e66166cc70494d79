// The DHCP message (RFC 2131 section 2): bounded parser and writer.
//
//    0                   1                   2                   3
//    |     op (1)    |   htype (1)   |   hlen (1)    |   hops (1)    |   0
//    |                            xid (4)                            |   4
//    |           secs (2)            |           flags (2)           |   8
//    |                          ciaddr  (4)                          |  12
//    |                          yiaddr  (4)                          |  16
//    |                          siaddr  (4)                          |  20
//    |                          giaddr  (4)                          |  24
//    |                          chaddr  (16)                         |  28
//    |                          sname   (64)                         |  44
//    |                          file    (128)                        | 108
//    |                     cookie (4), options                       | 236
import { toNumber, toText } from './address.ts';
import { encodeOption, OPTIONS, type OptionName, type OptionValues, readNumber } from './options.ts';

const SNAME = 44;
const FILE = 108;
const COOKIE = 236;
const OPTIONS_START = 240;
const MAGIC = 0x63825363;
const PAD = 0;
const END = 255;
/** Smallest frame BOOTP clients accept (RFC 1542 section 2.1). */
const MIN_REPLY = 300;
/** What every client must be able to take (RFC 2131 section 2), less IP and UDP headers. */
const DEFAULT_MAX = 576 - 28;
const LARGEST_REQUEST = 9_000;

export const MESSAGE_TYPE = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;

/** A client's message; option values are views into the datagram. */
export interface DhcpRequest {
  messageType: number;
  xid: number;
  secs: number;
  flags: number;
  /** '0.0.0.0' if the client has no address it may use. */
  ciaddr: string;
  giaddr: string;
  /** Lower case, colons. */
  mac: string;
  chaddr: Buffer;
  options: ReadonlyMap<number, Buffer>;
}

/** Why a datagram is not a client's DHCP message. */
export type Malformed = 'short' | 'long' | 'not-a-request' | 'not-ethernet' | 'bootp' | 'options';

/** Never throws, whatever the bytes. */
export function parseRequest(data: Buffer): DhcpRequest | Malformed {
  if (data.length < OPTIONS_START) return 'short';
  if (data.length > LARGEST_REQUEST) return 'long';
  if (data[0] !== 1) return 'not-a-request';
  if (data[1] !== 1 || data[2] !== 6) return 'not-ethernet';
  if (data.readUInt32BE(COOKIE) !== MAGIC) return 'bootp';
  const options = new Map<number, Buffer>();
  if (!collect(data.subarray(OPTIONS_START), options)) return 'options';
  const overload = readNumber(options, 'overload') ?? 0;
  if (overload & 1 && !collect(data.subarray(FILE, COOKIE), options)) return 'options';
  if (overload & 2 && !collect(data.subarray(SNAME, FILE), options)) return 'options';
  const messageType = readNumber(options, 'messageType');
  if (messageType === undefined) return 'bootp';
  const chaddr = data.subarray(28, 34);
  return {
    messageType,
    xid: data.readUInt32BE(4),
    secs: data.readUInt16BE(8),
    flags: data.readUInt16BE(10),
    ciaddr: toText(data.readUInt32BE(12)),
    giaddr: toText(data.readUInt32BE(24)),
    mac: chaddr.toString('hex').replace(/..(?!$)/g, '$&:'),
    chaddr,
    options,
  };
}

/** Adds the options of one field; an option met again continues the earlier one (RFC 3396). False if one runs over the end. */
function collect(field: Buffer, options: Map<number, Buffer>): boolean {
  let at = 0;
  while (at < field.length) {
    const code = field[at++] as number;
    if (code === PAD) continue;
    if (code === END) return true;
    const length = field[at++];
    if (length === undefined || at + length > field.length) return false;
    const value = field.subarray(at, at + length);
    const earlier = options.get(code);
    options.set(code, earlier ? Buffer.concat([earlier, value]) : value);
    at += length;
  }
  return true;
}

/** What a reply says beyond its options. */
export interface DhcpReply {
  request: DhcpRequest;
  ciaddr: string;
  yiaddr: string;
  siaddr: string;
  /** Sent in this order; names without a value are passed over. */
  order: readonly OptionName[];
  values: OptionValues;
}

/**
 * The reply in wire form. Options that do not fit the client's maximum go to the `file` and `sname` fields
 * (option 52); what does not fit there either is left out, so the important ones must come first in `order`.
 */
export function encodeReply(reply: DhcpReply): Buffer {
  const { request } = reply;
  const asked = readNumber(request.options, 'maxMessageSize');
  const room = Math.max(DEFAULT_MAX, Math.min((asked ?? 0) - 28, 1_472)) - OPTIONS_START - 1;
  const wires = reply.order
    .map((name) => encodeWire(name, reply.values))
    .filter((wire) => wire !== undefined);
  const { main, file, sname } = place(wires, room);
  const length = Math.max(MIN_REPLY, OPTIONS_START + main.length + 1);
  const out = Buffer.alloc(length);
  out[0] = 2;
  out[1] = 1;
  out[2] = 6;
  out.writeUInt32BE(request.xid, 4);
  out.writeUInt16BE(request.flags, 10);
  out.writeUInt32BE(toNumber(reply.ciaddr), 12);
  out.writeUInt32BE(toNumber(reply.yiaddr), 16);
  out.writeUInt32BE(toNumber(reply.siaddr), 20);
  out.writeUInt32BE(toNumber(request.giaddr), 24);
  request.chaddr.copy(out, 28);
  sname.copy(out, SNAME);
  file.copy(out, FILE);
  out.writeUInt32BE(MAGIC, COOKIE);
  main.copy(out, OPTIONS_START);
  out[OPTIONS_START + main.length] = END;
  return out;
}

/** Code, length, value; a value above 255 octets in several instances (RFC 3396). */
function encodeWire(name: OptionName, values: OptionValues): Buffer | undefined {
  const value = encodeOption(name, values);
  if (value === undefined) return undefined;
  const { code } = OPTIONS[name];
  const parts: Buffer[] = [];
  let at = 0;
  do {
    const part = value.subarray(at, at + 255);
    parts.push(Buffer.of(code, part.length), part);
    at += 255;
  } while (at < value.length);
  return Buffer.concat(parts);
}

function place(wires: Buffer[], room: number): { main: Buffer; file: Buffer; sname: Buffer } {
  const none = Buffer.alloc(0);
  const all = Buffer.concat(wires);
  if (all.length <= room) return { main: all, file: none, sname: none };
  // Three octets of the main field are for option 52, one of each other field for its end mark.
  const fields = [
    { left: room - 3, parts: [] as Buffer[] },
    { left: COOKIE - FILE - 1, parts: [] as Buffer[] },
    { left: FILE - SNAME - 1, parts: [] as Buffer[] },
  ];
  for (const wire of wires) {
    const field = fields.find(({ left }) => wire.length <= left);
    if (!field) continue;
    field.parts.push(wire);
    field.left -= wire.length;
  }
  const [main, file, sname] = fields.map(({ parts }) => Buffer.concat(parts)) as [Buffer, Buffer, Buffer];
  const overload = (file.length > 0 ? 1 : 0) | (sname.length > 0 ? 2 : 0);
  const closed = (field: Buffer) => (field.length > 0 ? Buffer.concat([field, Buffer.of(END)]) : field);
  const head = overload === 0 ? none : Buffer.of(OPTIONS.overload.code, 1, overload);
  return { main: Buffer.concat([main, head]), file: closed(file), sname: closed(sname) };
}
