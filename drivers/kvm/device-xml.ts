// libvirt XML of the devices that come and go: VDisks, VNICs and context media.
import type { DiskLimits, MachineDisk, MachineMedium, MachineNic } from '../hypervisor.ts';
import { type XmlElement, xml } from '../libvirt-hypervisor/xml.ts';
import { cdromTarget, diskSlot, diskTarget, mediumSlot, mediumTarget, nicSlot } from './slots.ts';

/** Alias, and so QEMU's device id, of a VDisk; `device-removed` events name it. */
export const diskAlias = (position: number): string => `ua-disk-${position}`;

/** Alias of a VNIC. */
export const nicAlias = (position: number): string => `ua-nic-${position}`;

/** Device id of CD-ROM number `index`, in QEMU and in libvirt's events. */
export const cdromAlias = (index: number): string => `ua-cdrom-${index}`;

/**
 * A VDisk: virtio, its format always explicit, because a probed raw disk lets a guest write itself
 * a qcow2 header that points at any file of the host.
 * @see https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms
 */
export function diskXml(disk: MachineDisk): XmlElement {
  const block = disk.path.startsWith('/dev/');
  return xml(
    'disk',
    { type: block ? 'block' : 'file', device: 'disk' },
    // Host cache only for files: their file system may not know O_DIRECT. Guests' flushes reach the disk with both.
    xml('driver', {
      name: 'qemu',
      type: disk.format,
      cache: block ? 'none' : 'writeback',
      io: block ? 'native' : 'threads',
      discard: 'unmap',
      error_policy: 'stop',
    }),
    xml('source', block ? { dev: disk.path } : { file: disk.path }),
    backingXml(disk.backing),
    xml('target', { dev: diskTarget(disk.position), bus: 'virtio' }),
    limitsXml(disk.limits),
    disk.readOnly ? xml('readonly') : undefined,
    xml('serial', {}, disk.serial),
    disk.position === 0 ? xml('boot', { order: 1 }) : undefined,
    xml('alias', { name: diskAlias(disk.position) }),
    pciAddress(diskSlot(disk.position)),
  );
}

/**
 * A VNIC: a tap with a name fixed by the caller, so that rules matching that name exist before it does.
 * @see https://libvirt.org/formatdomain.html#bridge-to-lan
 */
export function nicXml(nic: MachineNic): XmlElement {
  return xml(
    'interface',
    { type: 'bridge' },
    xml('mac', { address: nic.mac.toLowerCase() }),
    xml('source', { bridge: nic.bridge }),
    xml('target', { dev: nic.device }),
    xml('model', { type: 'virtio' }),
    nic.mtu === undefined ? undefined : xml('mtu', { size: nic.mtu }),
    bandwidthXml(nic),
    // No option ROM: firmware would try the network before a disk that has no boot sector yet.
    xml('rom', { enabled: 'no' }),
    xml('alias', { name: nicAlias(nic.position) }),
    pciAddress(nicSlot(nic.position)),
  );
}

/** All context media, each kind numbered by its order among its own. */
export function mediaXml(media: readonly MachineMedium[]): XmlElement[] {
  const cdroms = media.filter((medium) => medium.bus === 'cdrom');
  const disks = media.filter((medium) => medium.bus === 'disk');
  return [
    ...cdroms.map((medium, index) => cdromXml(index, medium.path)),
    ...disks.map((medium, index) => diskMediumXml(index, medium.path)),
  ];
}

/** CD-ROM number `index` on the IDE bus, or an empty drive. */
export function cdromXml(index: number, path: string | undefined): XmlElement {
  return xml(
    'disk',
    { type: 'file', device: 'cdrom' },
    xml('driver', { name: 'qemu', type: 'raw' }),
    path === undefined ? undefined : xml('source', { file: path }),
    xml('target', { dev: cdromTarget(index), bus: 'ide' }),
    xml('readonly'),
    xml('alias', { name: cdromAlias(index) }),
    xml('address', { type: 'drive', controller: 0, bus: index >> 1, target: 0, unit: index & 1 }),
  );
}

/** An address on the one PCI bus. */
export function pciAddress(slot: number): XmlElement {
  const hex = slot.toString(16).padStart(2, '0');
  return xml('address', { type: 'pci', domain: '0x0000', bus: '0x00', slot: `0x${hex}`, function: '0x0' });
}

function diskMediumXml(index: number, path: string): XmlElement {
  return xml(
    'disk',
    { type: 'file', device: 'disk' },
    xml('driver', { name: 'qemu', type: 'raw' }),
    xml('source', { file: path }),
    xml('target', { dev: mediumTarget(index), bus: 'virtio' }),
    xml('readonly'),
    xml('alias', { name: `ua-medium-${index}` }),
    pciAddress(mediumSlot(index)),
  );
}

/**
 * What an overlay builds on, and nothing below it. Without the element libvirt would read the chain from the
 * overlay's header, which the guest's QEMU can write; and it would give the shared file to QEMU's user.
 */
function backingXml(backing: MachineDisk['backing']): XmlElement {
  if (backing === undefined) return xml('backingStore');
  return xml(
    'backingStore',
    { type: 'file' },
    xml('format', { type: backing.format }),
    xml('source', { file: backing.path }, xml('seclabel', { model: 'dac', relabel: 'no' })),
    xml('backingStore'),
  );
}

function limitsXml(limits: DiskLimits | undefined): XmlElement | undefined {
  const named = {
    read_bytes_sec: limits?.readBytesPerSecond,
    write_bytes_sec: limits?.writeBytesPerSecond,
    read_iops_sec: limits?.readIops,
    write_iops_sec: limits?.writeIops,
  };
  const set = Object.entries(named).filter(([, value]) => value !== undefined && value > 0);
  return set.length === 0
    ? undefined
    : xml('iotune', {}, ...set.map(([name, value]) => xml(name, {}, value)));
}

/** libvirt counts in KiB per second and reads 0 as "no limit": a tiny limit is rounded up to 1. */
function bandwidthXml(nic: MachineNic): XmlElement | undefined {
  const rate = (tag: string, bytes: number | undefined) =>
    bytes ? xml(tag, { average: Math.max(1, Math.round(bytes / 1024)) }) : undefined;
  const inbound = rate('inbound', nic.inboundBytesPerSecond);
  const outbound = rate('outbound', nic.outboundBytesPerSecond);
  return inbound || outbound ? xml('bandwidth', {}, inbound, outbound) : undefined;
}
