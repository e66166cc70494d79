// Names of block devices in a Xen guest: xvda …, the same in PV, PVH and HVM.
import { DriverError } from '../hypervisor.ts';

/** How many of each one machine can have; Linux guests know xvda … xvdz without extended numbers. */
export const MAX_DISKS = 16;
export const MAX_MEDIA = 4;
export const MAX_NICS = 8;

/** Target name of the VDisk at `position`: 0 → xvda … 15 → xvdp. @throws DriverError `unsupported` */
export function diskTarget(position: number): string {
  return `xvd${letter(position, MAX_DISKS, 'a', 'VDisks')}`;
}

/** Target name of the `index`-th context medium, counted from the end so that no VDisk meets it: xvdz, xvdy … */
export function mediumTarget(index: number): string {
  return `xvd${letter(MAX_MEDIA - 1 - check(index, MAX_MEDIA, 'context media'), MAX_MEDIA, 'w', 'context media')}`;
}

/** @throws DriverError `unsupported` when a VNIC's position is beyond what guests are given */
export function checkNicPosition(position: number): void {
  check(position, MAX_NICS, 'VNICs');
}

function letter(index: number, count: number, first: string, what: string): string {
  return String.fromCharCode(first.charCodeAt(0) + check(index, count, what));
}

function check(index: number, count: number, what: string): number {
  if (Number.isInteger(index) && index >= 0 && index < count) return index;
  const why = `a Xen VServer has room for ${count} ${what}; number ${index} is none of 0–${count - 1}`;
  throw new DriverError('unsupported', why);
}
