// Reserves the VNICs of a VServer: position, MAC, device name and address, in the caller's transaction.
import { type Static, Type } from '@sinclair/typebox';
import { isHostAddress, nextAddress } from '../../addresses.ts';
import type { Transaction } from '../../inventory/transaction.ts';
import { vnicNames } from '../../network/mod.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { newId, Reference } from '../../resources/names.ts';
import type { VNet, VNic } from '../../resources/vnet.ts';
import { find } from '../find.ts';

export const VNicRequest = Type.Object(
  { vnetId: Reference, ipv4Address: Type.Optional(Type.String({ format: 'ipv4' })) },
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
  const ipv4 = addressFor(tx, vnet, request);
  const vnic: VNic = { id, vserverId, vnetId: vnet.id, position, ...vnicNames(prefix, id) };
  tx.put('vnic', ipv4 ? { ...vnic, ipv4 } : vnic);
  return id;
}

function addressFor(tx: Transaction, vnet: VNet, request: VNicRequest): string | undefined {
  const { ipv4: subnet } = vnet;
  const asked = request.ipv4Address;
  const ids = { vnet: vnet.id };
  if (!subnet) {
    if (!asked) return undefined;
    throw new InnkeeperError(
      'invalid',
      `VNet ${vnet.name} has no IPv4 subnet, so no VNIC can have ${asked}.`,
      ids,
    );
  }
  const taken = new Set(
    tx.list('vnic').flatMap((vnic) => (vnic.vnetId === vnet.id && vnic.ipv4 ? [vnic.ipv4] : [])),
  );
  if (!asked) {
    const next = nextAddress(subnet, taken);
    if (next) return next;
    throw new InnkeeperError('no-capacity', `VNet ${vnet.name} has no free IPv4 address.`, ids);
  }
  if (!isHostAddress(subnet, asked)) {
    const why = `${asked} is not a host address of VNet ${vnet.name} (${subnet.network}/${subnet.prefixLength}).`;
    throw new InnkeeperError('invalid', why, ids);
  }
  if (asked === subnet.gateway || taken.has(asked)) {
    throw new InnkeeperError('conflict', `${asked} is already taken in VNet ${vnet.name}.`, ids);
  }
  return asked;
}

/** A host name (RFC 1123) from any resource name: what is not allowed becomes a dash. */
export function hostnameOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
}
