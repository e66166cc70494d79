// IPv4 addresses as unsigned 32-bit numbers.

/**
 * @returns the address as an unsigned number
 * @throws RangeError unless `text` is four decimal numbers of 0–255
 */
export function toNumber(text: string): number {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) throw new RangeError(`not an IPv4 address: ${text}`);
  let value = 0;
  for (const part of match.slice(1)) {
    const octet = Number(part);
    if (octet > 255) throw new RangeError(`not an IPv4 address: ${text}`);
    value = value * 256 + octet;
  }
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
