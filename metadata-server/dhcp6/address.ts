// IPv6 addresses as 16 octets, and the hardware address inside a link-local one.
import { Address6 } from 'ip-address';

/** @throws AddressError unless `text` is an IPv6 address */
export function toOctets(text: string): Buffer {
  return Buffer.from(new Address6(text).canonicalForm().replaceAll(':', ''), 'hex');
}

/**
 * The MAC a link-local address was made from (RFC 4291 appendix A), lower case with colons. Undefined for any other
 * address: a guest's port lets no other link-local address pass, so nobody else's packet can look like this.
 */
export function macOf(source: string): string | undefined {
  const octets = toOctets(source.replace(/%.*$/, ''));
  const linkLocal = octets.subarray(0, 8).equals(LINK_LOCAL);
  if (!linkLocal || octets[11] !== 0xff || octets[12] !== 0xfe) return undefined;
  const mac = Buffer.concat([octets.subarray(8, 11), octets.subarray(13)]);
  mac[0] = (mac[0] ?? 0) ^ 2;
  return mac.toString('hex').replace(/..(?!$)/g, '$&:');
}

const LINK_LOCAL = Buffer.from('fe80000000000000', 'hex');
