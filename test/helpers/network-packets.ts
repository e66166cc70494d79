// Frames byte by byte, right and wrong ones, for the tests of the rules that guard a VNIC.
import { isIPv4 } from 'node:net';
import { Address4, Address6 } from 'ip-address';

export const BROADCAST = 'ff:ff:ff:ff:ff:ff';

const u8 = (...bytes: number[]): Buffer => Buffer.from(bytes);
const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);

export const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');

export function address(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(new Address4(text).toArray());
  return Buffer.from(new Address6(text).canonicalForm().replaceAll(':', ''), 'hex');
}

/** The Internet checksum (RFC 1071). */
function checksum(data: Buffer): Buffer {
  const even = data.length % 2 === 0 ? data : Buffer.concat([data, u8(0)]);
  let sum = 0;
  for (let at = 0; at < even.length; at += 2) sum += even.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return u16(~sum & 0xffff);
}

export function ethernet(
  from: string,
  to: string,
  type: number,
  payload: Buffer,
  tags: number[] = [],
): Buffer {
  const tagged = tags.map((tag) => Buffer.concat([u16(Math.floor(tag / 0x10000)), u16(tag & 0xffff)]));
  return Buffer.concat([macBytes(to), macBytes(from), ...tagged, u16(type), payload]);
}

export interface Arp {
  operation: 1 | 2;
  senderMac: string;
  sender: string;
  target: string;
  hardware?: number;
}

export function arp({ operation, senderMac, sender, target, hardware = 1 }: Arp): Buffer {
  const head = Buffer.concat([u16(hardware), u16(0x0800), u8(6, 4), u16(operation)]);
  return Buffer.concat([head, macBytes(senderMac), address(sender), Buffer.alloc(6), address(target)]);
}

export interface Ipv4Options {
  options?: Buffer;
  /** Flags and offset as on the wire. */
  fragment?: number;
  totalLength?: number;
}

export function ipv4(
  from: string,
  to: string,
  protocol: number,
  payload: Buffer,
  more: Ipv4Options = {},
): Buffer {
  const options = more.options ?? Buffer.alloc(0);
  const length = 20 + options.length;
  const head = Buffer.concat([
    u8(0x40 | (length / 4), 0),
    u16(more.totalLength ?? length + payload.length),
    u16(0x4242),
    u16(more.fragment ?? 0),
    u8(64, protocol, 0, 0),
    address(from),
    address(to),
    options,
  ]);
  checksum(head).copy(head, 10);
  return Buffer.concat([head, payload]);
}

/** UDP without a checksum: nobody on the way looks at it. */
export const udp = (from: number, to: number, payload: Buffer): Buffer =>
  Buffer.concat([u16(from), u16(to), u16(8 + payload.length), u16(0), payload]);

export function ipv6(from: string, to: string, nextHeader: number, payload: Buffer): Buffer {
  const head = Buffer.concat([u8(0x60, 0, 0, 0), u16(payload.length), u8(nextHeader, 255)]);
  return Buffer.concat([head, address(from), address(to), payload]);
}

/** ICMPv6 with a correct checksum; `body` follows the first four octets. */
export function icmp6(from: string, to: string, type: number, body: Buffer): Buffer {
  const message = Buffer.concat([u8(type, 0, 0, 0), body]);
  const pseudo = Buffer.concat([address(from), address(to), u16(0), u16(message.length), u8(0, 0, 0, 58)]);
  checksum(Buffer.concat([pseudo, message])).copy(message, 2);
  return message;
}

/** Neighbour solicitation or advertisement (RFC 4861): flags, target, and room for what the test adds. */
export const neighbour = (target: string, tail: Buffer): Buffer =>
  Buffer.concat([Buffer.alloc(4), address(target), tail]);

/** Hop-by-hop or destination options with nothing but padding in them. */
export const paddedOptions = (nextHeader: number): Buffer => u8(nextHeader, 0, 1, 4, 0, 0, 0, 0);

/** Fragment header (RFC 8200, 4.5); `offset` in units of eight octets. */
export const fragment = (nextHeader: number, offset: number, more: boolean): Buffer =>
  Buffer.concat([u8(nextHeader, 0), u16(offset * 8 + (more ? 1 : 0)), u8(0, 0, 0x42, 0x42)]);
