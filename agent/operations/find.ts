// Finds what a caller names, by id or by name, a PublicIP also by its address.
import type { Config, VServerTypeConfig } from '../config/config.ts';
import type { Reader } from '../guest/facts.ts';
import type { ResourceKind, Resources } from '../inventory/inventory.ts';
import { InnkeeperError } from '../resources/errors.ts';

const NOUNS: Record<ResourceKind, string> = {
  vserver: 'VServer',
  vdisk: 'VDisk',
  vnic: 'VNIC',
  vnet: 'VNet',
  publicip: 'PublicIP',
  image: 'DiskImage',
};

/** @throws InnkeeperError `not-found` */
export function find<K extends ResourceKind>(reader: Reader, kind: K, reference: string): Resources[K] {
  const byId = reader.get(kind, reference);
  if (byId) return byId;
  const byName = reader.list(kind).find((one) => 'name' in one && one.name === reference);
  if (byName) return byName;
  const byAddress = reader.list(kind).find((one) => 'address' in one && one.address === reference);
  if (byAddress) return byAddress;
  throw new InnkeeperError('not-found', `There is no ${NOUNS[kind]} ${reference} on this host.`, {
    [kind]: reference,
  });
}

/** @throws InnkeeperError `conflict` if the name is taken */
export function refuseTakenName(
  reader: Reader,
  kind: 'vserver' | 'vnet' | 'image' | 'vdisk',
  name: string,
): void {
  const other = reader.list(kind).find((one) => one.name === name);
  if (!other) return;
  throw new InnkeeperError('conflict', `A ${NOUNS[kind]} named ${name} exists already (${other.id}).`, {
    [kind]: other.id,
  });
}

/** @throws InnkeeperError `not-found`, with the types there are */
export function findType(config: Config, name: string): VServerTypeConfig {
  const type = config.vserver_type.find((one) => one.name === name);
  if (type) return type;
  const known = config.vserver_type.map((one) => one.name).join(', ');
  throw new InnkeeperError('not-found', `There is no VServerType ${name}; this host has ${known}.`);
}
