// Bounds of what a driver accepts: the last check before values reach a hypervisor.
import { DriverError, type Machine, type MachineDisk, type MachineNic } from '../hypervisor.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Unicast only: the lowest bit of the first byte is the group bit (IEEE 802). */
const MAC = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i;
/** Linux: at most 15 characters, no slash, no white space; a plain subset keeps nftables rules readable. */
const DEVICE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/;
/** libvirt renames taps that begin with a prefix it counts up itself, and rules by name would then miss. */
const RENAMED_BY_LIBVIRT = /^(vnet|vif|macvtap|macvlan)/;
const CPUSET = /^\^?\d{1,5}(-\d{1,5})?(,\^?\d{1,5}(-\d{1,5})?)*$/;
const MAX_NAME = 128;
/** libvirt counts in KiB within 64 bits; far below that a number is no longer exact here. */
const MAX_MEMORY_MIB = 64 * 1024 * 1024;
const MAX_VCPUS = 1024;

/** Checks a whole machine. @throws DriverError `invalid`, naming the value */
export function checkMachine(machine: Machine): void {
  const named =
    machine.name.length > 0 && machine.name.length <= MAX_NAME && !/[/\x00-\x1f\x7f]/.test(machine.name);
  must(named && machine.name !== '.' && machine.name !== '..', 'name', machine.name);
  must(UUID.test(machine.uuid), 'uuid', machine.uuid);
  must(isWhole(machine.vcpus, 1, MAX_VCPUS), 'vcpus', machine.vcpus);
  const { maxVcpus, cpuShares, cpuCapPercent, cpuset, vcpuPins, numaNode, hugepageKiB } = machine;
  must(maxVcpus === undefined || isWhole(maxVcpus, machine.vcpus, MAX_VCPUS), 'maxVcpus', maxVcpus);
  must(isWhole(machine.memoryMiB, 1, MAX_MEMORY_MIB), 'memoryMiB', machine.memoryMiB);
  must(cpuShares === undefined || isWhole(cpuShares, 2, 262_144), 'cpuShares', cpuShares);
  must(
    cpuCapPercent === undefined || isWhole(cpuCapPercent, 1, 100 * MAX_VCPUS),
    'cpuCapPercent',
    cpuCapPercent,
  );
  must(cpuset === undefined || CPUSET.test(cpuset), 'cpuset', cpuset);
  const pinned = vcpuPins?.length === machine.vcpus && vcpuPins.every((cpu) => isWhole(cpu, 0, 65_535));
  must(vcpuPins === undefined || pinned, 'vcpuPins', vcpuPins);
  const fits = isWhole(hugepageKiB ?? 1, 1, 2 ** 30) && (machine.memoryMiB * 1024) % (hugepageKiB ?? 1) === 0;
  must(fits, 'hugepageKiB', hugepageKiB);
  must(numaNode === undefined || isWhole(numaNode, 0, 1023), 'numaNode', numaNode);
  machine.disks.forEach(checkDisk);
  machine.nics.forEach(checkNic);
  for (const medium of machine.media) checkPath(medium.path, 'path of a context medium');
  if (machine.qmpSocket !== undefined) checkPath(machine.qmpSocket, 'qmpSocket');
  if (machine.lineSocket !== undefined) checkPath(machine.lineSocket, 'lineSocket');
  if (machine.vncSocket !== undefined) checkPath(machine.vncSocket, 'vncSocket');
  mustDiffer(
    machine.disks.map((disk) => disk.position),
    'position of a VDisk',
  );
  mustDiffer(
    machine.nics.map((nic) => nic.position),
    'position of a VNIC',
  );
  mustDiffer(
    machine.nics.map((nic) => nic.mac.toLowerCase()),
    'MAC address',
  );
  mustDiffer(
    machine.nics.map((nic) => nic.device),
    'device name of a VNIC',
  );
}

/** Checks one disk. @throws DriverError `invalid` */
export function checkDisk(disk: MachineDisk): void {
  must(isWhole(disk.position, 0, 1023), 'position of a VDisk', disk.position);
  must(disk.format === 'raw' || disk.format === 'qcow2', 'format of a VDisk', disk.format);
  // virtio-blk's GET_ID answers exactly 20 bytes; a longer serial would be cut and no longer be unique.
  must(/^[A-Za-z0-9_.-]{1,20}$/.test(disk.serial), 'serial of a VDisk', disk.serial);
  checkPath(disk.path, 'path of a VDisk');
  if (disk.backing !== undefined) {
    must(
      disk.backing.format === 'raw' || disk.backing.format === 'qcow2',
      'format of a base',
      disk.backing.format,
    );
    checkPath(disk.backing.path, 'path of a base');
  }
  for (const [name, limit] of Object.entries(disk.limits ?? {})) {
    must(limit === undefined || isWhole(limit, 0, Number.MAX_SAFE_INTEGER), `limit ${name}`, limit);
  }
}

/** Checks one NIC. @throws DriverError `invalid` */
export function checkNic(nic: MachineNic): void {
  must(isWhole(nic.position, 0, 1023), 'position of a VNIC', nic.position);
  must(MAC.test(nic.mac), 'MAC address of a VNIC', nic.mac);
  must(DEVICE.test(nic.device) && !RENAMED_BY_LIBVIRT.test(nic.device), 'device name of a VNIC', nic.device);
  must(DEVICE.test(nic.bridge), 'bridge of a VNIC', nic.bridge);
  must(nic.mtu === undefined || isWhole(nic.mtu, 68, 65_535), 'mtu', nic.mtu);
  for (const rate of [nic.inboundBytesPerSecond, nic.outboundBytesPerSecond]) {
    must(rate === undefined || isWhole(rate, 0, Number.MAX_SAFE_INTEGER), 'rate of a VNIC', rate);
  }
}

/** A path given to a hypervisor is absolute, or it would mean something else in its working directory. */
export function checkPath(path: string, what: string): void {
  must(path.startsWith('/') && path.length < 4096 && !path.includes('\0'), what, path);
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

function must(holds: boolean, what: string, value: unknown): void {
  if (!holds) throw new DriverError('invalid', `the ${what} ${JSON.stringify(value)} is not allowed`);
}

function mustDiffer(values: (string | number)[], what: string): void {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) throw new DriverError('invalid', `the ${what} ${twice} is used twice`);
}
