// All procedures in one table, and the types of a call.
import type { Codec } from '../rpc/codec.ts';
import { connectProcedures } from './connect.ts';
import { domainProcedures } from './domain.ts';
import { networkProcedures } from './network.ts';
import { storageProcedures } from './storage.ts';

/** Every procedure this client can call, by libvirt's own name. */
export const PROCEDURES = {
  ...connectProcedures,
  ...domainProcedures,
  ...storageProcedures,
  ...networkProcedures,
};

export type ProcedureName = keyof typeof PROCEDURES;

/** Arguments of a procedure; `undefined` where it has none. */
export type Args<P extends ProcedureName> = (typeof PROCEDURES)[P]['args'] extends Codec<infer A> ? A : never;

/** Result of a procedure; `undefined` where it has none. */
export type Result<P extends ProcedureName> =
  (typeof PROCEDURES)[P]['result'] extends Codec<infer R> ? R : never;
