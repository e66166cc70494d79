// The shape of the capacity report, for control planes that choose among hosts.
import { type Static, Type } from '@sinclair/typebox';
import { Health } from './health.ts';

/** `promisable` = total × overcommit, less the host's own share and what foreign domains hold. */
const share = {
  total: Type.Number(),
  overcommit: Type.Number(),
  promisable: Type.Number(),
  reserved: Type.Number({ description: 'Held by VServers with power on' }),
  free: Type.Number({ description: 'Can still be promised' }),
};

const HugePages = Type.Object({
  sizeKiB: Type.Integer(),
  total: Type.Integer(),
  reserved: Type.Integer({ description: 'Held by VServers with power on' }),
  used: Type.Integer(),
  free: Type.Integer({ description: 'In use by nobody now' }),
});

const Pool = Type.Object({
  name: Type.String(),
  totalBytes: Type.Number(),
  usedBytes: Type.Number(),
  freeBytes: Type.Number(),
  promisedBytes: Type.Number(),
  freeToPromiseBytes: Type.Number(),
  unavailable: Type.Optional(Type.String()),
});

const Network = Type.Object({
  vnetId: Type.String(),
  name: Type.String(),
  totalAddresses: Type.Integer({ description: 'IPv4 addresses that VNICs can have' }),
  usedAddresses: Type.Integer(),
  freeAddresses: Type.Integer(),
});

export const CapacityReport = Type.Object(
  {
    hypervisor: Type.String(),
    /** Absent until the hypervisor has been reached. */
    hypervisorVersion: Type.Optional(Type.String()),
    connected: Type.Boolean(),
    health: Health,
    vcpus: Type.Object({
      ...share,
      used: Type.Number({ description: "Processors busy lately, by the agent's own kernel" }),
    }),
    /** MiB. */
    memory: Type.Object({ ...share, used: Type.Number(), hostFreeMiB: Type.Number() }),
    hugepages: Type.Array(HugePages, { description: 'Of all NUMA nodes together' }),
    nodes: Type.Array(
      Type.Object({
        id: Type.Integer(),
        cpus: Type.Array(Type.Integer()),
        memoryMiB: Type.Number(),
        hugepages: Type.Array(HugePages),
        placeable: Type.Object(
          {
            memoryMiB: Type.Number(),
            hugepages: Type.Array(Type.Object({ sizeKiB: Type.Integer(), pages: Type.Integer() })),
            cpus: Type.Array(Type.Integer(), { description: 'Dedicated CPUs that nobody has' }),
          },
          { description: 'What VServerTypes that ask for a place can still be promised there' },
        ),
      }),
      { description: 'NUMA nodes; a host without NUMA is one' },
    ),
    pools: Type.Array(Pool),
    networks: Type.Array(Network),
    /** Public addresses that can still be allocated, by protocol; absent on a host without a provider's network. */
    publicAddresses: Type.Optional(
      Type.Object({ ipv4: Type.Optional(Type.Integer()), ipv6: Type.Optional(Type.Integer()) }),
    ),
    vservers: Type.Object({ total: Type.Integer(), running: Type.Integer(), foreign: Type.Integer() }),
    /** How many more VServers of each type fit: vCPUs, memory and, where the type says its size, system disks. */
    fits: Type.Record(Type.String(), Type.Integer()),
    load: Type.Number(),
    /** Absent until the hypervisor has been reached. */
    cpuModel: Type.Optional(Type.String()),
    /** What a guest can be moved to: every host of the same model with at least these features. */
    cpu: Type.Optional(
      Type.Object({
        architecture: Type.String(),
        model: Type.String(),
        vendor: Type.String(),
        mhz: Type.Number(),
        features: Type.Array(Type.String(), {
          description: 'Beyond those of the model, as libvirt names them',
        }),
      }),
    ),
    kernel: Type.String(),
    agentVersion: Type.String(),
    /** Names that OpenNebula's REQUIREMENTS and RANK know; memory in KiB, CPU in percent of one. */
    opennebula: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])),
  },
  { $id: 'CapacityReport' },
);
export type CapacityReport = Static<typeof CapacityReport>;
