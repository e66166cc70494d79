// The subnet an address is in, in CIDR form.
import { Address4, Address6 } from 'ip-address';

/** "10.0.0.7", 24 → "10.0.0.0/24"; IPv6 in canonical text. */
export function subnetOf({ address, prefixLength }: { address: string; prefixLength: number }): string {
  const text = `${address}/${prefixLength}`;
  const start = address.includes(':') ? new Address6(text).startAddress() : new Address4(text).startAddress();
  return `${start.correctForm()}/${prefixLength}`;
}
