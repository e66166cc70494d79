// The capacity report: what the host has, has promised, and can still promise.
import { freemem, loadavg, release } from 'node:os';
import { Type } from '@sinclair/typebox';
import { addressCount } from '../addresses.ts';
import type { Config } from '../config.ts';
import type { Reader } from '../guest-facts.ts';
import { VERSION } from '../version.ts';
import { freeToPromise, promisable, promisedBytes, reserved } from './admission.ts';
import type { HostTotals } from './totals.ts';

const Share = Type.Object({
  total: Type.Number(),
  promisable: Type.Number(),
  reserved: Type.Number(),
  free: Type.Number(),
});

export const CapacityReport = Type.Object(
  {
    hypervisor: Type.String(),
    connected: Type.Boolean(),
    vcpus: Share,
    /** MiB. */
    memory: Type.Composite([Share, Type.Object({ hostFreeMiB: Type.Number() })]),
    pools: Type.Array(
      Type.Object({
        name: Type.String(),
        totalBytes: Type.Number(),
        freeBytes: Type.Number(),
        promisedBytes: Type.Number(),
        freeToPromiseBytes: Type.Number(),
        unavailable: Type.Optional(Type.String()),
      }),
    ),
    /** Addresses that VNets can still give to VNICs. */
    networks: Type.Array(
      Type.Object({ vnetId: Type.String(), name: Type.String(), freeAddresses: Type.Integer() }),
    ),
    vservers: Type.Object({ total: Type.Integer(), running: Type.Integer(), foreign: Type.Integer() }),
    /** How many more VServers of each type fit. */
    fits: Type.Record(Type.String(), Type.Integer()),
    load: Type.Number(),
    /** Absent until the hypervisor has been reached. */
    cpuModel: Type.Optional(Type.String()),
    kernel: Type.String(),
    agentVersion: Type.String(),
    /** Names that OpenNebula's REQUIREMENTS and RANK know; memory in KiB, CPU in percent of one. */
    opennebula: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])),
  },
  { $id: 'CapacityReport' },
);

const MIB = 2 ** 20;

/** Pure but for the load, and the host's own free memory until the hypervisor has told its. */
export function capacityReport(config: Config, reader: Reader, totals: HostTotals, connected: boolean) {
  const { facts } = totals;
  const room = promisable(config.capacity, totals);
  const held = reserved(reader);
  const free = {
    vcpus: Math.max(0, room.vcpus - held.vcpus),
    memoryMiB: Math.max(0, room.memoryMiB - held.memoryMiB),
  };
  const vservers = reader.list('vserver');
  const hostFreeMiB = totals.freeMemoryMiB ?? Math.floor(freemem() / MIB);
  const cpus = facts?.cpus ?? 0;
  const total = facts?.memoryMiB ?? 0;
  return {
    hypervisor: facts?.hypervisor ?? 'unknown',
    connected,
    vcpus: { total: cpus, promisable: room.vcpus, reserved: held.vcpus, free: free.vcpus },
    memory: {
      total,
      promisable: room.memoryMiB,
      reserved: held.memoryMiB,
      free: free.memoryMiB,
      hostFreeMiB,
    },
    pools: [...totals.pools].map(([name, pool]) => ({
      name,
      ...pool,
      promisedBytes: promisedBytes(reader, name),
      freeToPromiseBytes: Math.floor(freeToPromise(reader, config.capacity, totals, name)),
    })),
    networks: freeAddresses(reader),
    vservers: {
      total: vservers.length,
      running: vservers.filter(({ state }) => state === 'running').length,
      foreign: totals.foreign.domains,
    },
    fits: Object.fromEntries(
      config.vserver_type.map((type) => {
        const count = Math.min(free.vcpus / type.vcpus, free.memoryMiB / type.memory_mib);
        return [type.name, Math.floor(count)];
      }),
    ),
    load: Math.round(loadavg()[0]! * 100) / 100,
    ...(facts ? { cpuModel: facts.cpuModel } : {}),
    kernel: release(),
    agentVersion: VERSION,
    opennebula: {
      HOSTNAME: facts?.hostname ?? '',
      HYPERVISOR: facts?.hypervisor ?? '',
      TOTALCPU: cpus * 100,
      FREECPU: Math.max(0, Math.round((cpus - loadavg()[0]!) * 100)),
      TOTALMEMORY: total * 1024,
      FREEMEMORY: hostFreeMiB * 1024,
      USEDMEMORY: Math.max(0, total - hostFreeMiB) * 1024,
    },
  };
}

/** By one pass over the VNICs, for the report is made often. */
function freeAddresses(reader: Reader) {
  const used = new Map<string, number>();
  for (const { vnetId, ipv4 } of reader.list('vnic')) {
    if (ipv4) used.set(vnetId, (used.get(vnetId) ?? 0) + 1);
  }
  return reader.list('vnet').flatMap(({ id, name, ipv4 }) => {
    if (!ipv4) return [];
    return [{ vnetId: id, name, freeAddresses: addressCount(ipv4) - (used.get(id) ?? 0) }];
  });
}
