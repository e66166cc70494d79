// Where each device sits on the PCI bus, so that a guest finds the same order after every boot and hot-plug.
import { DriverError } from '../hypervisor.ts';

/*
 * i440FX has one bus of 32 slots, all of them hot-pluggable by ACPI:
 *
 *   00        host bridge
 *   01        PIIX3: ISA bridge, IDE (the CD-ROMs), power management
 *   02        graphics, if asked for
 *   03 … 0a   VNIC 0 … 7 (the first is `ens3`, as on many clouds)
 *   0b        virtio-serial (guest agent)
 *   0c        random numbers
 *   0d        memory balloon
 *   0e … 1d   VDisk 0 … 15
 *   1e, 1f    context media on the `disk` bus
 *
 * Linux names virtio disks in the order of their slots: media come last, or they would take `vda`.
 */
const FIRST_NIC = 0x03;
const FIRST_DISK = 0x0e;
const FIRST_MEDIUM = 0x1e;

/** Slots of the devices of which there is one. */
export const SINGLE_SLOTS = { graphics: 0x02, serialController: 0x0b, rng: 0x0c, balloon: 0x0d } as const;

/** How many of each kind one machine can have. */
export const MAX_NICS = 8;
export const MAX_DISKS = 16;
export const MAX_DISK_MEDIA = 2;
/** IDE: two channels of two devices, hda … hdd. */
export const MAX_CDROMS = 4;

/** PCI slot of the VNIC at `position`. @throws DriverError `unsupported` when there is no slot left */
export function nicSlot(position: number): number {
  return slot(FIRST_NIC, position, MAX_NICS, 'VNICs');
}

/** PCI slot of the VDisk at `position`. @throws DriverError `unsupported` when there is no slot left */
export function diskSlot(position: number): number {
  return slot(FIRST_DISK, position, MAX_DISKS, 'VDisks');
}

/** PCI slot of the `index`-th medium on the `disk` bus. @throws DriverError `unsupported` when there is none left */
export function mediumSlot(index: number): number {
  return slot(FIRST_MEDIUM, index, MAX_DISK_MEDIA, 'context media on the disk bus');
}

/** Target name of the VDisk at `position`: 0 → vda … 15 → vdp. @throws DriverError `unsupported` */
export function diskTarget(position: number): string {
  diskSlot(position);
  return `vd${String.fromCharCode(97 + position)}`;
}

/** Target name of the `index`-th medium on the `disk` bus; taken from the end so that no VDisk meets it. */
export function mediumTarget(index: number): string {
  mediumSlot(index);
  return `vd${String.fromCharCode(121 + index)}`;
}

/** Target name of the `index`-th CD-ROM: hda … hdd. @throws DriverError `unsupported` */
export function cdromTarget(index: number): string {
  slot(0, index, MAX_CDROMS, 'CD-ROMs');
  return `hd${String.fromCharCode(97 + index)}`;
}

function slot(first: number, index: number, count: number, what: string): number {
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    throw new DriverError(
      'unsupported',
      `a KVM VServer has room for ${count} ${what}; number ${index} is none of 0–${count - 1}`,
    );
  }
  return first + index;
}
