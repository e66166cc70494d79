// libvirt XML of the devices of a Xen guest: all of them paravirtual, whatever the guest's type.
import { DriverError, type MachineDisk, type MachineMedium, type MachineNic } from '../hypervisor.ts';
import { type XmlElement, xml } from '../libvirt-hypervisor/xml.ts';
import { checkNicPosition, diskTarget, mediumTarget } from './targets.ts';

/**
 * A VDisk. Block devices are served by dom0's kernel, files by QEMU in dom0; the format is always explicit. What is
 * read-only is for the kernel, a file through a loop device: QEMU fails at such a disk, and libxl calls that a success.
 * @throws DriverError `unsupported` for limits, which nothing behind libvirt would enforce, and for read-only qcow2
 * @see https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms
 */
export function diskXml(disk: MachineDisk): XmlElement {
  if (Object.values(disk.limits ?? {}).some((limit) => limit > 0)) {
    throw new DriverError(
      'unsupported',
      'limits of disk bandwidth and IOPS: Xen has none that libvirt can set',
    );
  }
  if (disk.readOnly && disk.format !== 'raw') {
    throw new DriverError('unsupported', `a read-only disk in ${disk.format}: on Xen they are raw`);
  }
  const block = disk.path.startsWith('/dev/');
  const byKernel = (block || disk.readOnly) && disk.format === 'raw';
  return xml(
    'disk',
    { type: block ? 'block' : 'file', device: 'disk' },
    xml('driver', { name: byKernel ? 'phy' : 'qemu', type: disk.format }),
    xml('source', block ? { dev: disk.path } : { file: disk.path }),
    xml('target', { dev: diskTarget(disk.position), bus: 'xen' }),
    disk.readOnly ? xml('readonly') : undefined,
  );
}

/**
 * Context media are read-only disks. Guests look for them by their labels; cloud-init takes any xvd* for a CD-ROM too.
 * Nothing is emulated on IDE, where a medium would take the place of a VDisk. The kernel serves them, as `diskXml` tells.
 */
export function mediumXml(medium: MachineMedium, index: number): XmlElement {
  return xml(
    'disk',
    { type: 'file', device: 'disk' },
    xml('driver', { name: 'phy', type: 'raw' }),
    xml('source', { file: medium.path }),
    xml('target', { dev: mediumTarget(index), bus: 'xen' }),
    xml('readonly'),
  );
}

/**
 * A VNIC: a vif whose name is the caller's, given by Xen's vif-bridge script before it joins the bridge, so that
 * rules matching the name hold from the first frame. `netfront` in HVM guests as well: an emulated card would have
 * a second tap, of another name, that no rule knows. The script takes the MTU from the bridge.
 * @throws DriverError `unsupported` for limits of bandwidth
 * @see https://libvirt.org/formatdomain.html#bridge-to-lan
 */
export function nicXml(nic: MachineNic): XmlElement {
  checkNicPosition(nic.position);
  if (nic.inboundBytesPerSecond || nic.outboundBytesPerSecond) {
    throw new DriverError('unsupported', 'limits of network bandwidth: Xen limits one direction only');
  }
  return xml(
    'interface',
    { type: 'bridge' },
    xml('mac', { address: nic.mac.toLowerCase() }),
    xml('source', { bridge: nic.bridge }),
    xml('script', { path: 'vif-bridge' }),
    xml('target', { dev: nic.device }),
    xml('model', { type: 'netfront' }),
  );
}
