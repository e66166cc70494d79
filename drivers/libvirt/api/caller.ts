// What the groups of methods need of a client.
import type { Args, ProcedureName, Result } from '../protocol/index.ts';
import type { CallOptions } from '../rpc/call.ts';

export interface Caller {
  call<P extends ProcedureName>(name: P, args: Args<P>, options?: CallOptions): Promise<Result<P>>;
}
