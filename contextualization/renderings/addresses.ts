// Arithmetic on a NIC's addresses that several renderings need.
import { Address4 } from 'ip-address';
import { ContextError, shown } from '../errors.ts';
import type { GuestAddress } from '../guest-facts.ts';

/** "255.255.255.0" for a prefix of 24. */
export function netmask(address: GuestAddress): string {
  return parse(address).subnetMaskAddress().address;
}

/** First address of the subnet: "10.0.0.0". */
export function networkAddress(address: GuestAddress): string {
  return parse(address).startAddress().correctForm();
}

function parse(address: GuestAddress): Address4 {
  try {
    return new Address4(`${address.address}/${address.prefixLength}`);
  } catch {
    throw new ContextError(
      'invalid',
      `${shown(`${address.address}/${address.prefixLength}`)} is not an IPv4 address.`,
    );
  }
}
