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
import { encodeWire, OPTIONS, type OptionName, type OptionValues, readNumber } from './options.ts';
import { type OptionSource, RequestOptions } from './request-options.ts';

const CHADDR = 28;
const SNAME = 44;
const FILE = 108;
const COOKIE = 236;
const OPTIONS_START = 240;
const MAGIC = 0x63825363;
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
  options: OptionSource;
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
  const options = new RequestOptions(data);
  if (!options.collect(OPTIONS_START, data.length)) return 'options';
  const overload = readNumber(options, 'overload') ?? 0;
  if (overload & 1 && !options.collect(FILE, COOKIE)) return 'options';
  if (overload & 2 && !options.collect(SNAME, FILE)) return 'options';
  const messageType = readNumber(options, 'messageType');
  if (messageType === undefined) return 'bootp';
  return {
    messageType,
    xid: data.readUInt32BE(4),
    secs: data.readUInt16BE(8),
    flags: data.readUInt16BE(10),
    ciaddr: addressAt(data, 12),
    giaddr: addressAt(data, 24),
    mac: macAt(data, CHADDR),
    chaddr: data.subarray(CHADDR, CHADDR + 6),
    options,
  };
}

function addressAt(data: Buffer, at: number): string {
  const value = data.readUInt32BE(at);
  return value === 0 ? '0.0.0.0' : toText(value);
}

/** Every octet in two digits. */
const HEX = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

/** MACs that were met, by their number: a text made once is looked up faster than one made for each message. */
const macs = new Map<number, string>();
const MOST_MACS = 16_384;

function macAt(data: Buffer, at: number): string {
  const number = data.readUIntBE(at, 6);
  const known = macs.get(number);
  if (known !== undefined) return known;
  const text = macText(data, at);
  // A guest may invent MACs; room is made for those that are still used.
  if (macs.size >= MOST_MACS) macs.clear();
  macs.set(number, text);
  return text;
}

function macText(data: Buffer, at: number): string {
  let text = HEX[data[at] as number] as string;
  for (let i = at + 1; i < at + 6; i++) text += `:${HEX[data[i] as number]}`;
  return text;
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
  /** In wire form already; these come before `values`. */
  prepared?: ReadonlyMap<OptionName, Buffer>;
  /** The same and `order`, as `joinPrepared` makes it, where that is known. */
  pieces?: readonly Piece[];
  /** Name in the `file` field, if that is not needed for options: old boot programs look nowhere else. */
  file?: string | undefined;
}

/** Options that follow one another, in wire form; or the name of one whose value differs from message to message. */
export type Piece = Buffer | OptionName;

/** `order` with all that is prepared joined; of the rest, only what is `varying` can have a value at all. */
export function joinPrepared(
  order: readonly OptionName[],
  prepared: ReadonlyMap<OptionName, Buffer>,
  varying: ReadonlySet<OptionName>,
): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const name of order) {
    const wire = prepared.get(name);
    const last = pieces.at(-1);
    if (wire === undefined) {
      if (varying.has(name)) pieces.push(name);
    } else if (last instanceof Buffer) pieces[pieces.length - 1] = Buffer.concat([last, wire]);
    else pieces.push(wire);
  }
  return pieces;
}

/**
 * The reply in wire form. Options that do not fit the client's maximum go to the `file` and `sname` fields
 * (option 52); what does not fit there either is left out, so the important ones must come first in `order`.
 */
export function encodeReply(reply: DhcpReply): Buffer {
  const { request } = reply;
  const asked = readNumber(request.options, 'maxMessageSize');
  const room = Math.max(DEFAULT_MAX, Math.min((asked ?? 0) - 28, 1_472)) - OPTIONS_START - 1;
  const wires: Buffer[] = [];
  let size = 0;
  for (const piece of reply.pieces ?? reply.order) {
    const wire = typeof piece === 'string' ? wireOf(piece, reply) : piece;
    if (wire === undefined) continue;
    wires.push(wire);
    size += wire.length;
  }
  if (size > room) {
    const single = reply.order.map((name) => wireOf(name, reply)).filter((wire) => wire !== undefined);
    const { main, file, sname } = place(single, room);
    const out = encodeHead(reply, main.length);
    sname.copy(out, SNAME);
    file.copy(out, FILE);
    main.copy(out, OPTIONS_START);
    return out;
  }
  const out = encodeHead(reply, size);
  // Ends with a zero, so one octet stays free.
  if (reply.file !== undefined) out.write(reply.file, FILE, COOKIE - FILE - 1, 'latin1');
  let at = OPTIONS_START;
  for (const wire of wires) {
    out.set(wire, at);
    at += wire.length;
  }
  return out;
}

const wireOf = (name: OptionName, { prepared, values }: DhcpReply): Buffer | undefined =>
  prepared?.get(name) ?? encodeWire(name, values);

/** A reply whose options, of that length, are still to be written; its end mark is there. */
function encodeHead(reply: DhcpReply, optionsLength: number): Buffer {
  const { request } = reply;
  const end = OPTIONS_START + optionsLength;
  const out = Buffer.allocUnsafe(Math.max(MIN_REPLY, end + 1));
  out.fill(0, 0, OPTIONS_START);
  out[0] = 2;
  out[1] = 1;
  out[2] = 6;
  out.writeUInt32BE(request.xid, 4);
  out.writeUInt16BE(request.flags, 10);
  out.writeUInt32BE(toNumber(reply.ciaddr), 12);
  out.writeUInt32BE(toNumber(reply.yiaddr), 16);
  out.writeUInt32BE(toNumber(reply.siaddr), 20);
  out.writeUInt32BE(toNumber(request.giaddr), 24);
  out.set(request.chaddr, CHADDR);
  out.writeUInt32BE(MAGIC, COOKIE);
  out[end] = END;
  out.fill(0, end + 1);
  return out;
}

/** Spreads options that do not fit over the three fields; wires that fit into none are left out. */
function place(wires: Buffer[], room: number): { main: Buffer; file: Buffer; sname: Buffer } {
  const none = Buffer.alloc(0);
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
