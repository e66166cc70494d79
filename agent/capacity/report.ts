// The capacity report: what the host has, has promised, uses, and can still promise.
import { freemem, loadavg, release } from 'node:os';
import type { HugePages } from '../../drivers/hypervisor.ts';
import { addressCount } from '../addressing/ipv4.ts';
import { providerOf, publicAddressCount } from '../addressing/public.ts';
import type { Config } from '../config/config.ts';
import type { Reader } from '../guest/facts.ts';
import { VERSION } from '../version.ts';
import { type Amount, freeToPromise, promisable, promisedBytes, reserved } from './admission.ts';
import { fits } from './fits.ts';
import { healthOf } from './health.ts';
import { type NodeRoom, nodeRooms } from './placement.ts';
import type { CapacityReport } from './report-schema.ts';
import type { HostTotals } from './totals.ts';

const MIB = 2 ** 20;

/** Pure but for the load, and the host's own free memory until the hypervisor has told its. */
export function capacityReport(
  config: Config,
  reader: Reader,
  totals: HostTotals,
  connected: boolean,
): CapacityReport {
  const { facts } = totals;
  const { cpu_overcommit, memory_overcommit } = config.capacity;
  const room = promisable(config.capacity, totals);
  const held = reserved(reader);
  const free = {
    vcpus: Math.max(0, room.vcpus - held.vcpus),
    memoryMiB: Math.max(0, room.memoryMiB - held.memoryMiB),
  };
  const rooms = nodeRooms(reader, config.capacity, totals);
  const vservers = reader.list('vserver');
  const hostFreeMiB = totals.freeMemoryMiB ?? Math.floor(freemem() / MIB);
  const total = { vcpus: facts?.cpus ?? 0, memoryMiB: facts?.memoryMiB ?? 0 };
  const used = {
    vcpus: Math.round(totals.processorShare * total.vcpus * 100) / 100,
    memoryMiB: Math.max(0, total.memoryMiB - hostFreeMiB),
  };
  return {
    hypervisor: facts?.hypervisor ?? 'unknown',
    connected,
    health: healthOf(totals, connected),
    vcpus: {
      total: total.vcpus,
      overcommit: cpu_overcommit,
      promisable: room.vcpus,
      reserved: held.vcpus,
      used: used.vcpus,
      free: free.vcpus,
    },
    memory: {
      total: total.memoryMiB,
      overcommit: memory_overcommit,
      promisable: room.memoryMiB,
      reserved: held.memoryMiB,
      used: used.memoryMiB,
      free: free.memoryMiB,
      hostFreeMiB,
    },
    ...topology(totals, rooms),
    pools: pools(config, reader, totals),
    networks: networks(reader),
    ...freePublicAddresses(config, reader),
    vservers: {
      total: vservers.length,
      running: vservers.filter(({ state }) => state === 'running').length,
      foreign: totals.foreign.domains,
    },
    fits: fits(config, reader, totals, free, rooms),
    load: Math.round(loadavg()[0]! * 100) / 100,
    ...processor(totals),
    kernel: release(),
    agentVersion: VERSION,
    opennebula: openNebula(totals, total, used),
  };
}

function topology({ topology: known }: HostTotals, rooms: readonly NodeRoom[]) {
  const nodes = (known?.nodes ?? []).map(({ id, cpus, memoryBytes, hugepages }) => {
    const room = rooms.find((one) => one.id === id)!;
    const counted = ({ sizeKiB, total, free }: HugePages) => {
      const reserved = room.hugepages.find((one) => one.sizeKiB === sizeKiB)!.reserved;
      return { sizeKiB, total, reserved, used: total - free, free };
    };
    const placeable = {
      memoryMiB: room.memory.freeMiB,
      hugepages: room.hugepages.map(({ sizeKiB, free }) => ({ sizeKiB, pages: free })),
      cpus: room.dedicatedCpus.free,
    };
    const memoryMiB = Math.floor(memoryBytes / MIB);
    return { id, cpus, memoryMiB, hugepages: hugepages.map(counted), placeable };
  });
  const bySize = Map.groupBy(
    nodes.flatMap(({ hugepages }) => hugepages),
    ({ sizeKiB }) => sizeKiB,
  );
  const hugepages = [...bySize].map(([sizeKiB, of]) => {
    const sum = (key: 'total' | 'reserved' | 'used' | 'free') => of.reduce((all, one) => all + one[key], 0);
    return { sizeKiB, total: sum('total'), reserved: sum('reserved'), used: sum('used'), free: sum('free') };
  });
  return { nodes, hugepages };
}

function pools(config: Config, reader: Reader, totals: HostTotals) {
  return [...totals.pools].map(([name, pool]) => ({
    name,
    ...pool,
    usedBytes: Math.max(0, pool.totalBytes - pool.freeBytes),
    promisedBytes: promisedBytes(reader, name),
    freeToPromiseBytes: Math.floor(freeToPromise(reader, config.capacity, totals, name)),
  }));
}

function freePublicAddresses({ inet }: Config, reader: Reader) {
  if (!inet) return {};
  const free = (['ipv4', 'ipv6'] as const).flatMap((protocol) => {
    if (!providerOf(inet, protocol)) return [];
    const used = reader.list('publicip').filter((publicIp) => publicIp.protocol === protocol).length;
    return [[protocol, Math.max(0, publicAddressCount(inet, protocol) - used)]];
  });
  return { publicAddresses: Object.fromEntries(free) as { ipv4?: number; ipv6?: number } };
}

/** By one pass over the VNICs, for the report is made often. */
function networks(reader: Reader) {
  const used = new Map<string, number>();
  for (const { vnetId, ipv4 } of reader.list('vnic')) {
    if (ipv4) used.set(vnetId, (used.get(vnetId) ?? 0) + 1);
  }
  return reader.list('vnet').flatMap(({ id, name, ipv4 }) => {
    if (!ipv4) return [];
    const [totalAddresses, usedAddresses] = [addressCount(ipv4), used.get(id) ?? 0];
    const freeAddresses = totalAddresses - usedAddresses;
    return [{ vnetId: id, name, totalAddresses, usedAddresses, freeAddresses }];
  });
}

function processor({ facts }: HostTotals) {
  if (!facts) return {};
  const { hypervisorVersion, architecture, cpuModel, cpuVendor, cpuMhz, cpuFeatures } = facts;
  const cpu = { architecture, model: cpuModel, vendor: cpuVendor, mhz: cpuMhz, features: cpuFeatures };
  return { hypervisorVersion, cpuModel, cpu };
}

/** @see https://docs.opennebula.io/6.8/management_and_operations/references/template.html#requirement-expression-syntax */
function openNebula({ facts }: HostTotals, total: Amount, used: Amount) {
  return {
    HOSTNAME: facts?.hostname ?? '',
    HYPERVISOR: facts?.hypervisor ?? '',
    ARCH: facts?.architecture ?? '',
    MODELNAME: facts?.cpuModel ?? '',
    CPUSPEED: facts?.cpuMhz ?? 0,
    TOTALCPU: total.vcpus * 100,
    FREECPU: Math.round((total.vcpus - used.vcpus) * 100),
    USEDCPU: Math.round(used.vcpus * 100),
    TOTALMEMORY: total.memoryMiB * 1024,
    FREEMEMORY: (total.memoryMiB - used.memoryMiB) * 1024,
    USEDMEMORY: used.memoryMiB * 1024,
  };
}
