// What the hypervisor is told of a VServer, and the rules its VNICs need: both from the inventory alone.
import { CONTEXT_KINDS, type ContextKind, smbiosFor } from '../../contextualization/mod.ts';
import type { HostTopology, Machine, MachineDisk, MachineNic } from '../../drivers/hypervisor.ts';
import { transitPair } from '../addressing/ipv4.ts';
import { formatCpus } from '../capacity/cpu-list.ts';
import { sharedCpus } from '../capacity/placement.ts';
import type { Config, VServerTypeConfig } from '../config/config.ts';
import { nicsOf, type Reader } from '../guest/facts.ts';
import { type VNetPlan, type VNicPlan, vnetNames } from '../network/mod.ts';
import { linePath, mediumPath, qmpPath, vncPath } from '../paths.ts';
import type { VDisk } from '../resources/vdisk.ts';
import type { VNet, VNic } from '../resources/vnet.ts';
import type { VServer } from '../resources/vserver.ts';
import { inetPlan } from './publicip/plan.ts';

/** VDisks attached to a VServer, by position. */
export function disksOf(reader: Reader, vserverId: string): VDisk[] {
  return reader
    .list('vdisk')
    .filter((vdisk) => vdisk.attachedTo === vserverId)
    .sort((a, b) => a.position! - b.position!);
}

export function machineDisk(vdisk: VDisk, type: VServerTypeConfig | undefined): MachineDisk {
  const limits = {
    ...(type?.disk_bytes_per_second
      ? { readBytesPerSecond: type.disk_bytes_per_second, writeBytesPerSecond: type.disk_bytes_per_second }
      : {}),
    ...(type?.disk_iops ? { readIops: type.disk_iops, writeIops: type.disk_iops } : {}),
  };
  const { position, path, format, backing } = vdisk;
  return {
    position: position!,
    path: path!,
    format: format!,
    ...(backing ? { backing } : {}),
    serial: vdisk.id,
    limits,
  };
}

export function machineNic(config: Config, reader: Reader, vnic: VNic): MachineNic {
  const vserver = reader.get('vserver', vnic.vserverId)!;
  const rate = config.vserver_type.find(({ name }) => name === vserver.vserverType)?.network_bytes_per_second;
  return {
    position: vnic.position,
    mac: vnic.mac,
    device: vnic.device,
    bridge: vnetNames(config.prefix, vnic.vnetId).bridge,
    mtu: reader.get('vnet', vnic.vnetId)!.mtu,
    ...(rate ? { inboundBytesPerSecond: rate, outboundBytesPerSecond: rate } : {}),
  };
}

/** The ways of finding configuration that are media. */
export function mediaOf({ context }: VServer): ContextKind[] {
  return CONTEXT_KINDS.filter((kind) => context.includes(kind));
}

/** The firmware strings can point to one datasource only: to one over the network, which no medium announces. */
function datasource({ context }: VServer) {
  return (
    context.find((kind) => !(CONTEXT_KINDS as readonly string[]).includes(kind)) ?? context[0] ?? 'opennebula'
  );
}

export function machineOf(
  config: Config,
  reader: Reader,
  vserver: VServer,
  topology: HostTopology | undefined,
): Machine {
  const type = config.vserver_type.find(({ name }) => name === vserver.vserverType);
  return {
    name: vserver.domain,
    uuid: vserver.uuid,
    vserverId: vserver.id,
    vcpus: vserver.vcpus,
    memoryMiB: vserver.memoryMiB,
    ...(vserver.guestType ? { guestType: vserver.guestType } : {}),
    ...(type?.cpu_shares ? { cpuShares: type.cpu_shares } : {}),
    ...(type?.cpu_cap_percent ? { cpuCapPercent: type.cpu_cap_percent } : {}),
    ...placed(config, topology, vserver.placement),
    disks: disksOf(reader, vserver.id).map((vdisk) => machineDisk(vdisk, type)),
    nics: nicsOf(reader, vserver.id).map((vnic) => machineNic(config, reader, vnic)),
    media: mediaOf(vserver).map((kind) => ({
      path: mediumPath(config, vserver.id, kind),
      // A drive, whose medium can be changed under a running guest; and VDisks keep the names of their positions.
      bus: 'cdrom' as const,
    })),
    smbios: smbiosFor(datasource(vserver), { vserverId: vserver.id, uuid: vserver.uuid }),
    qmpSocket: qmpPath(config, vserver.id),
    ...(type?.second_serial ? { lineSocket: linePath(config, vserver.id) } : {}),
    ...(type?.graphics ? { vncSocket: vncPath(config, vserver.id) } : {}),
  };
}

/** Where a machine's memory and vCPUs are; what is pinned shares its CPUs with nobody. */
function placed(
  { capacity }: Config,
  topology: HostTopology | undefined,
  place: VServer['placement'],
): Partial<Machine> {
  const near = sharedCpus(topology, capacity, place?.numaNode);
  // Where all CPUs of its node are set aside, a pinned machine's other threads share its own.
  const shared = near.length > 0 ? near : (place?.cpus ?? []);
  const keepsOff = place !== undefined || capacity.dedicated_cpus !== undefined;
  return {
    ...(keepsOff && shared.length > 0 ? { cpuset: formatCpus(shared) } : {}),
    ...(place ? { numaNode: place.numaNode } : {}),
    ...(place?.hugepageKiB ? { hugepageKiB: place.hugepageKiB } : {}),
    ...(place?.cpus ? { vcpuPins: place.cpus } : {}),
  };
}

export function vnicPlan({ prefix }: Config, reader: Reader, vnic: VNic): VNicPlan {
  const vnet = reader.get('vnet', vnic.vnetId);
  return {
    id: vnic.id,
    device: vnic.device,
    bridge: vnetNames(prefix, vnic.vnetId).bridge,
    mac: vnic.mac,
    ...(vnic.ipv4 ? { ipv4: vnic.ipv4 } : {}),
    ...(vnic.ipv6 ? { ipv6: vnic.ipv6 } : {}),
    ...(vnic.securityList ? { security: vnic.securityList } : {}),
    ...(vnet?.ipv4 ? { gateway4: vnet.ipv4.gateway } : {}),
    ...(vnet?.ipv6 ? { gateway6: vnet.ipv6.gateway } : {}),
  };
}

export function vnetPlan(config: Config, vnet: VNet, reader: Reader): VNetPlan {
  const { prefix, network } = config;
  const inet = inetPlan(config, reader, vnet);
  const outbound =
    vnet.outbound === undefined ? undefined : transitPair(network.transit_range, vnet.outbound);
  const gateway = (subnet: VNet['ipv4']) =>
    subnet && { gateway: subnet.gateway, prefixLength: subnet.prefixLength };
  return {
    id: vnet.id,
    ...vnetNames(prefix, vnet.id),
    mtu: vnet.mtu,
    ...(vnet.ipv4 ? { ipv4: gateway(vnet.ipv4)! } : {}),
    ...(vnet.ipv6 ? { ipv6: gateway(vnet.ipv6)! } : {}),
    transport: vnet.transport,
    hopLimit: network.metadata_hop_limit,
    ...(outbound ? { outbound } : {}),
    ...(inet ? { inet } : {}),
  };
}
