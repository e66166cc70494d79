// What is told to QEMU through libvirt but past its knowledge, where libvirt is wrong about the machine.
import { type DomainRef, type LibvirtClient, LibvirtError } from '../libvirt/mod.ts';
import type { DevicePlace } from '../libvirt-hypervisor/dialect.ts';
import { cdromAlias, diskAlias, nicAlias } from './device-xml.ts';

/** Opens a tray that libvirt takes for open and that the guest has closed (drivers/libvirt-hypervisor/medium.ts). */
export async function openTray(client: LibvirtClient, domain: DomainRef, index: number): Promise<void> {
  await tell(client, domain, 'blockdev-open-tray', { id: cdromAlias(index), force: true });
}

/** QEMU's words for the block node that a libvirtd killed while it plugged a disk has left. */
const DUPLICATE_NODE = /Duplicate nodes with node-name='(libvirt-\d+)-(?:storage|format)'/;
/** The same for a NIC: libvirt finds the tap that QEMU still holds, or QEMU finds that it has one of that name. */
const HALF_A_NIC = /The \S+ interface already exists|duplicate (?:device )?ID '(?:host)?ua-nic-\d+'/i;

/**
 * Takes from QEMU what belongs to a disk or NIC that was plugged half-way, if `error` is due to that: the next libvirtd
 * does not know it, and nothing could be plugged there until the machine's end. False if it is not.
 * What the guest has seen already is gone when the guest lets it go: a moment later, if at all.
 */
export async function clearHalfPlugged(
  client: LibvirtClient,
  domain: DomainRef,
  { kind, position }: DevicePlace,
  error: unknown,
): Promise<boolean> {
  if (!(error instanceof LibvirtError)) return false;
  const node = DUPLICATE_NODE.exec(error.message)?.[1];
  const undo = (execute: string, args: object) => tell(client, domain, execute, args);
  // In the order in which libvirt made them, backwards. QEMU itself refuses to remove a node that is in use.
  if (kind === 'disk' && node !== undefined) {
    await undo('device_del', { id: diskAlias(position) });
    for (const layer of ['format', 'storage'])
      await undo('blockdev-del', { 'node-name': `${node}-${layer}` });
    return true;
  }
  if (kind === 'nic' && HALF_A_NIC.test(error.message)) {
    const alias = nicAlias(position);
    await undo('device_del', { id: alias });
    await undo('netdev_del', { id: `host${alias}` });
    for (const what of ['tap', 'vhost']) await undo('closefd', { fdname: `${what}fd-${alias}0` });
    return true;
  }
  return false;
}

/** What QEMU answers is not looked at: the caller tries again what failed, and that tells. */
async function tell(client: LibvirtClient, domain: DomainRef, execute: string, args: object): Promise<void> {
  await client.domains.monitorCommand(domain, JSON.stringify({ execute, arguments: args }));
}
