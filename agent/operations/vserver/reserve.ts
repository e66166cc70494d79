// Reserves the VNICs of a VServer: position, MAC, device name and address, in the caller's transaction.
import { type Static, Type } from '@sinclair/typebox';
import { isHostAddress, nextAddress } from '../../addressing/ipv4.ts';
import { canonical, isHostAddress6, nextAddress6 } from '../../addressing/ipv6.ts';
import type { Transaction } from '../../inventory/transaction.ts';
import { checkSecurityRule, vnicNames } from '../../network/mod.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { newId, Reference } from '../../resources/names.ts';
import { SecurityList, type VNet, type VNic } from '../../resources/vnet.ts';
import { find } from '../find.ts';

export const VNicRequest = Type.Object(
  {
    vnetId: Reference,
    ipv4Address: Type.Optional(Type.String({ format: 'ipv4' })),
    ipv6Address: Type.Optional(Type.String({ format: 'ipv6' })),
    securityList: Type.Optional(SecurityList),
  },
  { additionalProperties: false },
);
export type VNicRequest = Static<typeof VNicRequest>;

/**
 * Reserves one VNIC. @returns its id
 * @throws InnkeeperError `not-found`, `invalid`, `conflict`, `no-capacity`, `wrong-state`
 */
export function reserveNic(tx: Transaction, vserverId: string, request: VNicRequest, prefix: string): string {
  const vnet = find(tx, 'vnet', request.vnetId);
  if (vnet.busy) {
    throw new InnkeeperError('wrong-state', `VNet ${vnet.name} is being made or removed.`, { vnet: vnet.id });
  }
  const id = newId('vnic');
  const taken = tx.list('vnic').filter((vnic) => vnic.vserverId === vserverId);
  let position = 0;
  while (taken.some((vnic) => vnic.position === position)) position++;
  const ipv4 = addressFor(tx, vnet, 'ipv4', request.ipv4Address);
  const ipv6 = addressFor(tx, vnet, 'ipv6', request.ipv6Address);
  const vnic: VNic = { id, vserverId, vnetId: vnet.id, position, ...vnicNames(prefix, id) };
  const { securityList } = request;
  for (const rule of securityList ?? []) checkSecurityRule(id, rule);
  const addresses = { ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}) };
  tx.put('vnic', { ...vnic, ...addresses, ...(securityList ? { securityList } : {}) });
  return id;
}

/** What differs between the two protocols. */
const PROTOCOLS = {
  ipv4: { name: 'IPv4', next: nextAddress, isHost: isHostAddress, canonical: (address: string) => address },
  ipv6: { name: 'IPv6', next: nextAddress6, isHost: isHostAddress6, canonical },
};

function addressFor(
  tx: Transaction,
  vnet: VNet,
  protocol: 'ipv4' | 'ipv6',
  asked: string | undefined,
): string | undefined {
  const { name, next, isHost, canonical: write } = PROTOCOLS[protocol];
  const subnet = vnet[protocol];
  const ids = { vnet: vnet.id };
  if (!subnet) {
    if (!asked) return undefined;
    const why = `VNet ${vnet.name} has no ${name} subnet, so no VNIC can have ${asked}.`;
    throw new InnkeeperError('invalid', why, ids);
  }
  const others = tx.list('vnic').filter((vnic) => vnic.vnetId === vnet.id);
  const taken = new Set(others.flatMap((vnic) => vnic[protocol] ?? []));
  if (!asked) {
    const found = next(subnet, taken);
    if (found) return found;
    throw new InnkeeperError('no-capacity', `VNet ${vnet.name} has no free ${name} address.`, ids);
  }
  if (!isHost(subnet, asked)) {
    const why = `${asked} is not a host address of VNet ${vnet.name} (${subnet.network}/${subnet.prefixLength}).`;
    throw new InnkeeperError('invalid', why, ids);
  }
  const address = write(asked);
  if (address === subnet.gateway || taken.has(address)) {
    throw new InnkeeperError('conflict', `${address} is already taken in VNet ${vnet.name}.`, ids);
  }
  return address;
}

/** A host name (RFC 1123) from any resource name: what is not allowed becomes a dash. */
export function hostnameOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
}
