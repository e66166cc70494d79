// The DHCP options we speak: a table of code, name and wire format, and the codec that reads it.
import { netmask, toNumber, toText } from './address.ts';
import type { OptionSource } from './request-options.ts';

/** A classless static route (RFC 3442). */
export interface Route {
  destination: string;
  prefixLength: number;
  router: string;
}

interface WireTypes {
  flag: true;
  u8: number;
  u16: number;
  u32: number;
  ip: string;
  ips: string[];
  text: string;
  bytes: Uint8Array;
  domains: string[];
  routes: Route[];
}
type WireType = keyof WireTypes;

/** RFC 2132 unless noted. */
export const OPTIONS = {
  subnetMask: { code: 1, type: 'ip' },
  routers: { code: 3, type: 'ips' },
  dnsServers: { code: 6, type: 'ips' },
  hostName: { code: 12, type: 'text' },
  domainName: { code: 15, type: 'text' },
  mtu: { code: 26, type: 'u16' },
  broadcast: { code: 28, type: 'ip' },
  ntpServers: { code: 42, type: 'ips' },
  requestedAddress: { code: 50, type: 'ip' },
  leaseTime: { code: 51, type: 'u32' },
  overload: { code: 52, type: 'u8' },
  messageType: { code: 53, type: 'u8' },
  serverId: { code: 54, type: 'ip' },
  parameterList: { code: 55, type: 'bytes' },
  message: { code: 56, type: 'text' },
  maxMessageSize: { code: 57, type: 'u16' },
  renewalTime: { code: 58, type: 'u32' },
  rebindingTime: { code: 59, type: 'u32' },
  vendorClass: { code: 60, type: 'bytes' },
  clientId: { code: 61, type: 'bytes' },
  bootServer: { code: 66, type: 'text' },
  bootFile: { code: 67, type: 'text' },
  /** RFC 4039. */
  rapidCommit: { code: 80, type: 'flag' },
  /** RFC 3046: a relay agent's own, given back to it as it came. */
  relayInformation: { code: 82, type: 'bytes' },
  /** RFC 3397. */
  domainSearch: { code: 119, type: 'domains' },
  /** RFC 3442. */
  classlessRoutes: { code: 121, type: 'routes' },
  /** Microsoft's earlier number for the same; asked for by old Windows. */
  microsoftRoutes: { code: 249, type: 'routes' },
} as const satisfies Record<string, { code: number; type: WireType }>;

export type OptionName = keyof typeof OPTIONS;
export type OptionValues = { [N in OptionName]?: WireTypes[(typeof OPTIONS)[N]['type']] | undefined };

/** Names in ascending order of code: the order of a reply whose client asked for no order. */
export const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];
export const NAME_BY_CODE: ReadonlyMap<number, OptionName> = new Map(
  OPTION_NAMES.map((name) => [OPTIONS[name].code, name]),
);

const writers: { [T in WireType]: (value: WireTypes[T]) => Buffer } = {
  flag: () => Buffer.alloc(0),
  u8: (value) => Buffer.of(value),
  u16: (value) => Buffer.of(value >>> 8, value & 255),
  u32: (value) => u32(value),
  ip: (value) => u32(toNumber(value)),
  ips: (value) => Buffer.concat(value.map((address) => u32(toNumber(address)))),
  text: (value) => Buffer.from(value, 'utf8'),
  bytes: (value) => Buffer.from(value.buffer, value.byteOffset, value.byteLength),
  domains: (value) => encodeDomains(value),
  routes: (value) => Buffer.concat(value.map(encodeRoute)),
};

function u32(value: number): Buffer {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeUInt32BE(value >>> 0);
  return buffer;
}

/** Destination is shortened to its significant octets (RFC 3442, page 4). */
function encodeRoute(route: Route): Buffer {
  const destination = (toNumber(route.destination) & netmask(route.prefixLength)) >>> 0;
  const significant = u32(destination).subarray(0, Math.ceil(route.prefixLength / 8));
  return Buffer.concat([Buffer.of(route.prefixLength), significant, u32(toNumber(route.router))]);
}

/** RFC 1035 names, a suffix already written being pointed to (RFC 3397 section 2). Names that do not fit the DNS are left out. */
function encodeDomains(domains: string[]): Buffer {
  const seen = new Map<string, number>();
  const out: number[] = [];
  for (const domain of domains) {
    const labels = domain.toLowerCase().replace(/\.$/, '').split('.');
    if (labels.some((label) => label.length === 0 || Buffer.byteLength(label) > 63)) continue;
    let pointed = false;
    for (let i = 0; i < labels.length && !pointed; i++) {
      const suffix = labels.slice(i).join('.');
      const known = seen.get(suffix);
      if (known !== undefined) {
        out.push(0xc0 | (known >>> 8), known & 255);
        pointed = true;
      } else {
        if (out.length < 0x3fff) seen.set(suffix, out.length);
        const label = Buffer.from(labels[i] as string);
        out.push(label.length, ...label);
      }
    }
    if (!pointed) out.push(0);
  }
  return Buffer.from(out);
}

/** The value in wire form; undefined when there is nothing to send (no value, or an empty list). */
export function encodeOption(name: OptionName, values: OptionValues): Buffer | undefined {
  const value = values[name];
  if (value === undefined) return undefined;
  const { type } = OPTIONS[name];
  const wire = (writers[type] as (value: unknown) => Buffer)(value);
  return wire.length === 0 && type !== 'flag' ? undefined : wire;
}

/** Code, length, value; a value above 255 octets in several instances (RFC 3396). Undefined when there is nothing to send. */
export function encodeWire(name: OptionName, values: OptionValues): Buffer | undefined {
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

/** Reads an address option; undefined unless it is there and exactly four octets long. */
export function readAddress(options: Pick<OptionSource, 'get'>, name: OptionName): string | undefined {
  const wire = options.get(OPTIONS[name].code);
  return wire?.length === 4 ? toText(wire.readUInt32BE(0)) : undefined;
}

/** Reads a one- or two-octet number; undefined unless it is there and of the length its type has. */
export function readNumber(options: Pick<OptionSource, 'get'>, name: OptionName): number | undefined {
  const wire = options.get(OPTIONS[name].code);
  const length = OPTIONS[name].type === 'u8' ? 1 : 2;
  return wire?.length === length ? wire.readUIntBE(0, length) : undefined;
}
