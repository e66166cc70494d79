// IPv4 addresses as unsigned 32-bit numbers.

const ZERO = 48;
const DOT = 46;

/**
 * @returns the address as an unsigned number
 * @throws RangeError unless `text` is four decimal numbers of 0–255
 */
export function toNumber(text: string): number {
  let value = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  // By hand: every answer needs several of them.
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : DOT;
    if (code >= ZERO && code <= ZERO + 9 && digits < 3) {
      octet = octet * 10 + code - ZERO;
      digits++;
    } else if (code === DOT && digits > 0 && octet <= 255) {
      value = value * 256 + octet;
      octet = 0;
      digits = 0;
      dots++;
    } else throw new RangeError(`not an IPv4 address: ${text}`);
  }
  if (dots !== 4) throw new RangeError(`not an IPv4 address: ${text}`);
  return value;
}

export function toText(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

export function isIPv4(text: string): boolean {
  return !text.includes(':');
}

/** Netmask of a prefix length 0–32. */
export function netmask(prefixLength: number): number {
  return prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0;
}

/** Directed broadcast address of the subnet that `address` is in. */
export function broadcastOf(address: number, prefixLength: number): number {
  return (address | ~netmask(prefixLength)) >>> 0;
}
