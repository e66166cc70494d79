// What a VServer uses, as one row: the hypervisor's counters under the names of the inventory. Pure.
import { type Static, Type } from '@sinclair/typebox';
import { isOff, type MachineSample } from '../../drivers/hypervisor.ts';
import type { Reader } from '../guest/facts.ts';
import type { VDisk } from '../resources/vdisk.ts';
import type { VNic } from '../resources/vnet.ts';
import { type VServer, VServerState } from '../resources/vserver.ts';

const Count = Type.Optional(Type.Integer({ minimum: 0 }));

/** Counters count from the last power-on of the VServer and are absent while it is off. */
export const MeterSample = Type.Object(
  {
    seq: Type.Integer({ minimum: 1 }),
    time: Type.String({ description: 'When it was taken, UTC by the clock of the host' }),
    vserverId: Type.String(),
    name: Type.String(),
    creator: Type.String(),
    vserverType: Type.String(),
    state: VServerState,
    power: Type.Union([Type.Literal('on'), Type.Literal('off')]),
    vcpus: Type.Integer({ description: 'vCPUs held; none with power off' }),
    memoryMiB: Type.Integer({ description: 'Memory held; none with power off' }),
    cpuSeconds: Type.Optional(Type.Number({ minimum: 0, description: 'Processor time since power-on' })),
    residentBytes: Count,
    disks: Type.Array(
      Type.Object({
        vdiskId: Type.String(),
        sizeBytes: Type.Integer(),
        readBytes: Count,
        writtenBytes: Count,
        readRequests: Count,
        writeRequests: Count,
      }),
    ),
    vnics: Type.Array(
      Type.Object({
        vnicId: Type.String(),
        vnetId: Type.String(),
        receivedBytes: Count,
        sentBytes: Count,
        receivedPackets: Count,
        sentPackets: Count,
      }),
    ),
  },
  { $id: 'MeterSample' },
);
export type MeterSample = Static<typeof MeterSample>;
/** Not numbered, because not kept. */
export const VServerUsage = Type.Omit(MeterSample, ['seq'], { $id: 'VServerUsage' });
export type Measured = Static<typeof VServerUsage>;

/** One row for each VServer there is, on or off; `machines` is one bulk answer of the hypervisor. */
export function measure(reader: Reader, machines: readonly MachineSample[], time: string): Measured[] {
  const byDomain = new Map(machines.map((machine) => [machine.name, machine]));
  const disks = Map.groupBy(reader.list('vdisk'), ({ attachedTo }) => attachedTo);
  const vnics = Map.groupBy(reader.list('vnic'), ({ vserverId }) => vserverId);
  return reader.list('vserver').map((vserver) => {
    const machine = byDomain.get(vserver.domain);
    const live = vserver.power === 'on' && !isOff(machine?.state) ? machine : undefined;
    return {
      time,
      ...held(vserver),
      ...(live ? { cpuSeconds: Number(live.cpuTimeNs / 1000n) / 1e6 } : {}),
      ...(live?.rssKiB === undefined ? {} : { residentBytes: live.rssKiB * 1024 }),
      disks: (disks.get(vserver.id) ?? []).map((disk) => diskRow(disk, live)),
      vnics: (vnics.get(vserver.id) ?? []).map((vnic) => vnicRow(vnic, live)),
    };
  });
}

function held({ id, name, creator, vserverType, state, power, vcpus, memoryMiB }: VServer) {
  const on = power === 'on';
  return {
    vserverId: id,
    name,
    creator,
    vserverType,
    state,
    power,
    vcpus: on ? vcpus : 0,
    memoryMiB: on ? memoryMiB : 0,
  };
}

function diskRow({ id, sizeBytes, position }: VDisk, machine: MachineSample | undefined) {
  const counted = machine?.disks.find(({ target }) => positionOf(target) === position);
  return {
    vdiskId: id,
    sizeBytes,
    ...(counted
      ? {
          readBytes: Number(counted.readBytes),
          writtenBytes: Number(counted.writeBytes),
          readRequests: Number(counted.readRequests),
          writeRequests: Number(counted.writeRequests),
        }
      : {}),
  };
}

/** vda and xvda are position 0; context media have names from the end of the alphabet, which no VDisk has. */
function positionOf(target: string): number | undefined {
  const letter = /^x?vd([a-z])$/.exec(target)?.[1];
  return letter === undefined ? undefined : letter.charCodeAt(0) - 97;
}

function vnicRow({ id, vnetId, device }: VNic, machine: MachineSample | undefined) {
  const counted = machine?.nics.find((nic) => nic.device === device);
  return {
    vnicId: id,
    vnetId,
    ...(counted
      ? {
          receivedBytes: Number(counted.receivedBytes),
          sentBytes: Number(counted.sentBytes),
          receivedPackets: Number(counted.receivedPackets),
          sentPackets: Number(counted.sentPackets),
        }
      : {}),
  };
}
