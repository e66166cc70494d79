// A VDisk that is being copied: what must not happen to it meanwhile is refused at once, the rest goes on.
import type { Reader } from '../../guest/facts.ts';
import type { Host } from '../../host.ts';
import type { Transaction } from '../../inventory/transaction.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import type { VDisk } from '../../resources/vdisk.ts';
import { find } from '../find.ts';
import { disksOf } from '../machine.ts';

/** Remembers who copies it; `live` while its VServer runs, which then may go on as it likes. */
export function beginCopying(tx: Transaction, ids: string[], operation: string, live: boolean): void {
  for (const id of ids) tx.patch('vdisk', id, { copying: { operation, live } });
}

/** The other end of it, however it ended. */
export function endCopying(tx: Transaction, ids: string[]): void {
  for (const id of ids) tx.patch('vdisk', id, { copying: undefined });
}

/** The VServer of a VDisk, if it has one: held while a copy begins, so that it is not just being started. */
export function ownerKeys(host: Host, reference: string): string[] {
  const { attachedTo } = find(host.inventory, 'vdisk', reference);
  return attachedTo ? [`vserver/${attachedTo}`] : [];
}

/** @throws InnkeeperError `wrong-state` while it is copied: its content, its length and its place must stay */
export function refuseCopied({ name, id, copying }: VDisk): void {
  if (!copying) return;
  const why = `VDisk ${name} is being copied by operation ${copying.operation}; wait for that, or cancel it.`;
  throw new InnkeeperError('wrong-state', why, { vdisk: id, operation: copying.operation });
}

/** @throws InnkeeperError `wrong-state` while a VDisk of the VServer is copied that nothing may write to */
export function refuseWhileCopied(reader: Reader, vserverId: string): void {
  for (const vdisk of disksOf(reader, vserverId)) if (vdisk.copying?.live === false) refuseCopied(vdisk);
}

/** @throws InnkeeperError `wrong-state` while any VDisk of the VServer is copied */
export function refuseWhileAnyCopied(reader: Reader, vserverId: string): void {
  for (const vdisk of disksOf(reader, vserverId)) refuseCopied(vdisk);
}
