// What is told to QEMU through libvirt but past its knowledge, where libvirt is wrong about the machine.
import { type DomainRef, type LibvirtClient, LibvirtError } from '../libvirt/mod.ts';
import { cdromAlias } from './device-xml.ts';

/** Opens a tray that libvirt takes for open and that the guest has closed (drivers/libvirt-hypervisor/medium.ts). */
export async function openTray(client: LibvirtClient, domain: DomainRef, index: number): Promise<void> {
  await tell(client, domain, 'blockdev-open-tray', { id: cdromAlias(index), force: true });
}

/** QEMU's words for the block node that a libvirtd killed while it plugged a disk has left. */
const DUPLICATE_NODE = /Duplicate nodes with node-name='(libvirt-\d+)-(?:storage|format)'/;

/**
 * Removes the nodes of a disk that was plugged half-way: the next libvirtd numbers its nodes from the same number, and
 * every disk would be refused until the machine's end. QEMU itself refuses to remove a node that is in use.
 */
export async function clearHalfPlugged(
  client: LibvirtClient,
  domain: DomainRef,
  error: unknown,
): Promise<boolean> {
  const node = error instanceof LibvirtError ? DUPLICATE_NODE.exec(error.message)?.[1] : undefined;
  if (node === undefined) return false;
  for (const layer of ['format', 'storage']) {
    await tell(client, domain, 'blockdev-del', { 'node-name': `${node}-${layer}` });
  }
  return true;
}

/** What QEMU answers is not looked at: the caller tries again what failed, and that tells. */
async function tell(client: LibvirtClient, domain: DomainRef, execute: string, args: object): Promise<void> {
  await client.domains.monitorCommand(domain, JSON.stringify({ execute, arguments: args }));
}
