// Gathers the facts about one guest from the inventory; everything a guest is told comes from here.
import type { GuestFacts, GuestNic } from '../../contextualization/guest-facts.ts';
import type { Config } from '../config/config.ts';
import type { ResourceKind, Resources } from '../inventory/inventory.ts';
import type { VNic } from '../resources/vnet.ts';
import type { VServer } from '../resources/vserver.ts';

/** What both the inventory and a transaction can do. */
export interface Reader {
  get<K extends ResourceKind>(kind: K, id: string): Resources[K] | undefined;
  list<K extends ResourceKind>(kind: K): Resources[K][];
}

/** VNICs of a VServer, by position. */
export function nicsOf(reader: Reader, vserverId: string): VNic[] {
  return reader
    .list('vnic')
    .filter((vnic) => vnic.vserverId === vserverId)
    .sort((a, b) => a.position - b.position);
}

/** One NIC as the guest is told of it. */
export function guestNic(reader: Reader, network: Config['network'], vnic: VNic): GuestNic {
  const vnet = reader.get('vnet', vnic.vnetId)!;
  const publicIps = reader
    .list('publicip')
    .filter(({ vnicId, busy }) => vnicId === vnic.id && busy === undefined);
  const publicIpv4 = publicIps.find(({ protocol }) => protocol === 'ipv4')?.address;
  const publicIpv6 = publicIps.find(({ protocol }) => protocol === 'ipv6')?.address;
  return {
    vnicId: vnic.id,
    vnetId: vnic.vnetId,
    vnetName: vnet.name,
    position: vnic.position,
    mac: vnic.mac,
    mtu: vnet.mtu,
    ...(vnic.ipv4 && vnet.ipv4
      ? { ipv4: { address: vnic.ipv4, prefixLength: vnet.ipv4.prefixLength, gateway: vnet.ipv4.gateway } }
      : {}),
    ...(vnic.ipv6 && vnet.ipv6
      ? { ipv6: { address: vnic.ipv6, prefixLength: vnet.ipv6.prefixLength, gateway: vnet.ipv6.gateway } }
      : {}),
    ...(publicIpv4 ? { publicIpv4 } : {}),
    ...(publicIpv6 ? { publicIpv6 } : {}),
    dnsServers: network.dns_servers,
    searchDomains: network.search_domains,
    ntpServers: network.ntp_servers,
  };
}

/** Everything known of the guest. Pure: the same inventory gives the same facts. */
export function guestFacts(reader: Reader, network: Config['network'], vserver: VServer): GuestFacts {
  return {
    vserverId: vserver.id,
    name: vserver.name,
    hostname: vserver.hostname,
    uuid: vserver.uuid,
    instanceId: vserver.id,
    creator: vserver.creator,
    vserverType: vserver.vserverType,
    diskImageId: vserver.imageId,
    productIds: vserver.productIds ?? [],
    createTime: vserver.createTime,
    userData: Buffer.from(vserver.userData, 'base64'),
    vendorData: Buffer.from(vserver.vendorData ?? '', 'base64'),
    sshKeys: vserver.sshKeys,
    ...(vserver.passwordKey ? { passwordKey: vserver.passwordKey } : {}),
    variables: vserver.variables,
    nics: nicsOf(reader, vserver.id).map((vnic) => guestNic(reader, network, vnic)),
    allowImdsV1: vserver.imds !== 'v2',
  };
}

/** How the VServer's variables find others of the same owner: by id, else by name. Others' do not exist for it. */
export function siblingsOf(reader: Reader, network: Config['network'], vserver: VServer) {
  return (reference: string): GuestFacts | undefined => {
    const own = reader.list('vserver').filter(({ creator }) => creator === vserver.creator);
    const found = own.find(({ id }) => id === reference) ?? own.find(({ name }) => name === reference);
    return found && guestFacts(reader, network, found);
  };
}
