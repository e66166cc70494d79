// The shape that most VServer verbs share: one VServer by reference in, its attributes out.
import type { Static } from '@sinclair/typebox';
import type { Host } from '../../host.ts';
import type { Transaction } from '../../inventory/transaction.ts';
import type { MethodDefinition } from '../../methods.ts';
import { vserverAttributes } from '../../queries/attributes.ts';
import { type VServer, VServerAttributes } from '../../resources/vserver.ts';
import { find } from '../find.ts';
import { operationParams, vserverId } from '../parameters.ts';

export const verbParams = operationParams(vserverId);
export type VerbParams = Static<typeof verbParams>;

/** Definition of `POST /v1/vservers/{vserverId}/VERB`. */
export function verb(name: string, path: string, summary: string): MethodDefinition<typeof verbParams> {
  const http = { verb: 'POST', path: `/v1/vservers/{vserverId}/${path}` } as const;
  return {
    name,
    summary,
    right: 'operate',
    kind: 'operation',
    params: verbParams,
    result: VServerAttributes,
    http,
  };
}

export function lockVServer(host: Host, params: { vserverId: string }): string[] {
  return [`vserver/${find(host.inventory, 'vserver', params.vserverId).id}`];
}

/** The VServer's attributes as they are within the transaction; null once it is gone. */
export function shown(tx: Transaction, id: string): unknown {
  const vserver = tx.get('vserver', id);
  return vserver ? vserverAttributes(tx, vserver) : null;
}

/** @throws InnkeeperError `not-found` */
export function target(tx: Transaction, params: { vserverId: string }): VServer {
  return find(tx, 'vserver', params.vserverId);
}
