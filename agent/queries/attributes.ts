// Renders what the inventory keeps as the attributes that callers see. Pure.
import { addressCount } from '../addressing/ipv4.ts';
import { addressCount6 } from '../addressing/ipv6.ts';
import type { Config } from '../config/config.ts';
import { nicsOf, type Reader } from '../guest/facts.ts';
import { vnetNames } from '../network/mod.ts';
import type { DiskImage } from '../resources/disk-image.ts';
import type { PublicIp } from '../resources/public-ip.ts';
import type { VDisk } from '../resources/vdisk.ts';
import type { VNet, VNic } from '../resources/vnet.ts';
import type { VServer } from '../resources/vserver.ts';

const GB = 1e9;

/** Sizes are told in GB (10^9 bytes), as the Fujitsu paper does. */
export function gigabytes(bytes: number): number {
  return Math.round((bytes / GB) * 1000) / 1000;
}

export function vserverAttributes(reader: Reader, vserver: VServer) {
  const nics = nicsOf(reader, vserver.id);
  const disks = reader.list('vdisk').filter((vdisk) => vdisk.attachedTo === vserver.id);
  return {
    vserverId: vserver.id,
    name: vserver.name,
    creator: vserver.creator,
    createTime: vserver.createTime,
    vserverType: vserver.vserverType,
    state: vserver.state,
    power: vserver.power,
    reason: vserver.reason,
    ...(vserver.condition ? { condition: vserver.condition as string } : {}),
    hostname: vserver.hostname,
    diskImageId: vserver.imageId,
    vcpus: vserver.vcpus,
    memoryMiB: vserver.memoryMiB,
    ...(vserver.placement && vserver.power === 'on' ? { placement: vserver.placement } : {}),
    autostart: vserver.autostart,
    userData: vserver.userData,
    imds: vserver.imds ?? ('v1' as const),
    vdiskIds: disks.sort((a, b) => a.position! - b.position!).map(({ id }) => id),
    vnicIds: nics.map(({ id }) => id),
    addresses: nics.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].filter((address) => address !== undefined)),
    initialPassword: vserver.initialPassword?.how ?? ('none' as const),
  };
}

export function vnetAttributes(reader: Reader, { prefix }: Config, vnet: VNet) {
  const vnics = reader.list('vnic').filter((vnic) => vnic.vnetId === vnet.id);
  const { bridge, namespace } = vnetNames(prefix, vnet.id);
  return {
    vnetId: vnet.id,
    name: vnet.name,
    creator: vnet.creator,
    createTime: vnet.createTime,
    ...(vnet.ipv4 ? { ipv4: vnet.ipv4 } : {}),
    ...(vnet.ipv6 ? { ipv6: vnet.ipv6 } : {}),
    mtu: vnet.mtu,
    transport: vnet.transport,
    outbound: vnet.outbound !== undefined,
    vnicIds: vnics.map(({ id }) => id),
    freeAddresses: freeAddresses(vnet, vnics),
    bridge,
    namespace,
  };
}

/** Of IPv4 where there is any, since it runs out first. */
function freeAddresses(vnet: VNet, vnics: readonly VNic[]): number {
  if (vnet.ipv4) return addressCount(vnet.ipv4) - vnics.filter(({ ipv4 }) => ipv4).length;
  return vnet.ipv6 ? addressCount6(vnet.ipv6) - vnics.filter(({ ipv6 }) => ipv6).length : 0;
}

export function vnicAttributes(reader: Reader, vnic: VNic) {
  const lent = reader.list('publicip').filter(({ vnicId }) => vnicId === vnic.id);
  return {
    vnicId: vnic.id,
    vserverId: vnic.vserverId,
    vnetId: vnic.vnetId,
    position: vnic.position,
    mac: vnic.mac,
    device: vnic.device,
    ...(vnic.ipv4 ? { ipv4Address: vnic.ipv4 } : {}),
    ...(vnic.ipv6 ? { ipv6Address: vnic.ipv6 } : {}),
    ...(lent.length > 0 ? { publicAddresses: lent.map(({ address }) => address) } : {}),
    ...(vnic.securityList ? { securityList: vnic.securityList } : {}),
  };
}

export function publicIpAttributes(reader: Reader, publicIp: PublicIp) {
  const { id, address, protocol, creator, createTime, vnicId } = publicIp;
  const vnic = vnicId === undefined ? undefined : reader.get('vnic', vnicId);
  const own = vnic?.[protocol];
  return {
    publicIpId: id,
    address,
    protocol,
    creator,
    createTime,
    state: vnic ? ('attached' as const) : ('unattached' as const),
    ...(vnic ? { vnicId: vnic.id, vserverId: vnic.vserverId, vnetId: vnic.vnetId } : {}),
    ...(own ? { ownAddress: own } : {}),
  };
}

export function vdiskAttributes(vdisk: VDisk) {
  return {
    vdiskId: vdisk.id,
    name: vdisk.name,
    creator: vdisk.creator,
    createTime: vdisk.createTime,
    sizeGB: gigabytes(vdisk.sizeBytes),
    kind: vdisk.kind,
    state: vdisk.attachedTo ? ('attached' as const) : ('unattached' as const),
    ...(vdisk.attachedTo ? { attachedTo: vdisk.attachedTo, position: vdisk.position! } : {}),
    ...(vdisk.imageId ? { diskImageId: vdisk.imageId } : {}),
    ...(vdisk.backupSrcVDisk ? { backupSrcVDisk: vdisk.backupSrcVDisk } : {}),
    ...(vdisk.tracked ? { tracked: true } : {}),
    pool: vdisk.pool,
  };
}

export function imageAttributes(image: DiskImage) {
  return {
    diskImageId: image.id,
    name: image.name,
    state: image.state,
    ...(image.virtualSizeBytes === undefined ? {} : { sizeGB: gigabytes(image.virtualSizeBytes) }),
    ...(image.format ? { format: image.format } : {}),
    ...(image.checksum ? { checksum: image.checksum } : {}),
    osType: image.osType,
    osName: image.osName,
    productIds: image.productIds,
    creatorName: image.creatorName,
    registerer: image.registerer,
    registerTime: image.registerTime,
    description: image.description,
    licenseInfo: image.licenseInfo,
    ...(image.guestType ? { guestType: image.guestType } : {}),
    uri: image.uri,
  };
}
