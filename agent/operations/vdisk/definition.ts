// The shape that most VDisk verbs share, and what they must check.
import type { Static, TObject, TProperties } from '@sinclair/typebox';
import type { Host } from '../../host.ts';
import type { Transaction } from '../../inventory/transaction.ts';
import type { MethodDefinition } from '../../methods.ts';
import { vdiskAttributes } from '../../queries/attributes.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { type VDisk, VDiskAttributes } from '../../resources/vdisk.ts';
import type { VServer } from '../../resources/vserver.ts';
import { find } from '../find.ts';
import { operationParams, vdiskId } from '../parameters.ts';
import { refuseCopied } from './copying.ts';

/** Definition of `POST /v1/vdisks/{vdiskId}/VERB`. */
export function vdiskVerb<P extends TProperties>(name: string, path: string, summary: string, own: P) {
  const http = { verb: 'POST', path: `/v1/vdisks/{vdiskId}/${path}` } as const;
  const params = operationParams({ ...vdiskId, ...own });
  return {
    name,
    summary,
    right: 'operate',
    kind: 'operation',
    params,
    result: VDiskAttributes,
    http,
  } satisfies MethodDefinition;
}
export type VDiskParams<P extends TProperties> = Static<TObject<P & typeof vdiskId>>;

/**
 * The VDisk, and the VServer it is attached to: whoever changes one must hold the other.
 * @throws InnkeeperError `not-found`; `wrong-state` while it is copied, for who waited for that would hold up the VServer
 */
export function lockVDisk(host: Host, params: { vdiskId: string }): string[] {
  const vdisk = find(host.inventory, 'vdisk', params.vdiskId);
  refuseCopied(vdisk);
  const { id, attachedTo } = vdisk;
  return attachedTo ? [`vdisk/${id}`, `vserver/${attachedTo}`] : [`vdisk/${id}`];
}

/** @throws InnkeeperError `not-found`, `wrong-state` while its content is being made */
export function readyVDisk(tx: Transaction, reference: string): VDisk {
  const vdisk = find(tx, 'vdisk', reference);
  if (!vdisk.creating) return vdisk;
  throw new InnkeeperError('wrong-state', `VDisk ${vdisk.name} is still being made.`, { vdisk: vdisk.id });
}

export function ownerOf(tx: Transaction, vdisk: VDisk): VServer | undefined {
  return vdisk.attachedTo ? tx.get('vserver', vdisk.attachedTo) : undefined;
}

/** @throws InnkeeperError `wrong-state` unless nothing can write to it now */
export function requireQuiet(tx: Transaction, vdisk: VDisk, verb: string): void {
  const owner = ownerOf(tx, vdisk);
  if (!owner || owner.state === 'inactive') return;
  const why = `VDisk ${vdisk.name} is attached to VServer ${owner.name}, which is ${owner.state}; it can be ${verb} only when that is inactive.`;
  throw new InnkeeperError('wrong-state', why, { vdisk: vdisk.id, vserver: owner.id });
}

export function shownVDisk(tx: Transaction, id: string) {
  const vdisk = tx.get('vdisk', id);
  return vdisk ? vdiskAttributes(vdisk) : null;
}
