// The DHCPv6 message (RFC 8415 sections 8 and 21): bounded parser and writer.
//
//     0                   1                   2                   3
//    |    msg-type   |               transaction-id                  |
//    |          option-code          |           option-len          |
//    |                     option-data (option-len) …                |

export const MESSAGE6 = {
  solicit: 1,
  advertise: 2,
  request: 3,
  confirm: 4,
  renew: 5,
  rebind: 6,
  reply: 7,
  release: 8,
  decline: 9,
  information: 11,
} as const;

export const OPTION6 = {
  clientId: 1,
  serverId: 2,
  iaNa: 3,
  iaAddress: 5,
  requested: 6,
  preference: 7,
  status: 13,
  rapidCommit: 14,
  /** RFC 3646. */
  dnsServers: 23,
  domainList: 24,
  iaPd: 25,
  /** RFC 4075. */
  sntpServers: 31,
  /** RFC 5908. */
  ntpServers: 56,
} as const;

/** RFC 8415 section 21.13. */
export const STATUS = { success: 0, noAddresses: 2, notOnLink: 4, noPrefixes: 6 } as const;

export interface Option6 {
  code: number;
  /** A view into the datagram. */
  value: Buffer;
}

export interface Message6 {
  type: number;
  /** Three octets. */
  transaction: Buffer;
  options: Option6[];
}

const LARGEST = 9_000;
const MOST_OPTIONS = 128;
/** DUIDs have 3 to 130 octets (RFC 8415 section 11.1). */
const DUID_MAX = 130;

/** Never throws, whatever the bytes; undefined for what is not a client's message. */
export function parseMessage(data: Buffer): Message6 | undefined {
  if (data.length < 4 || data.length > LARGEST) return undefined;
  const options = parseOptions(data.subarray(4));
  if (!options) return undefined;
  const ids = options.filter(({ code }) => code === OPTION6.clientId || code === OPTION6.serverId);
  if (ids.some(({ value }) => value.length < 3 || value.length > DUID_MAX)) return undefined;
  return { type: data[0] as number, transaction: data.subarray(1, 4), options };
}

/** Undefined when an option runs over the end, or there are too many. */
export function parseOptions(data: Buffer): Option6[] | undefined {
  const options: Option6[] = [];
  let at = 0;
  while (at < data.length) {
    if (at + 4 > data.length || options.length === MOST_OPTIONS) return undefined;
    const length = data.readUInt16BE(at + 2);
    if (at + 4 + length > data.length) return undefined;
    options.push({ code: data.readUInt16BE(at), value: data.subarray(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return options;
}

export function find(options: Option6[], code: number): Buffer | undefined {
  return options.find((option) => option.code === code)?.value;
}

export function encodeMessage(type: number, transaction: Buffer, options: Buffer[]): Buffer {
  return Buffer.concat([Buffer.of(type), transaction, ...options]);
}

export function option(code: number, ...parts: Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  const head = Buffer.allocUnsafe(4);
  head.writeUInt16BE(code, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value]);
}

export function u32(value: number): Buffer {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeUInt32BE(value >>> 0);
  return buffer;
}

export function statusOption(status: number, message: string): Buffer {
  return option(OPTION6.status, Buffer.of(status >>> 8, status & 255), Buffer.from(message));
}
