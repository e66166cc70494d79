// What a query is made of: its definition, and a function that answers from memory.
import type { Static, TSchema } from '@sinclair/typebox';
import type { Host } from '../host.ts';
import type { Caller, MethodDefinition } from '../methods.ts';
import type { OperationEngine } from '../operations/engine.ts';

export interface QueryContext<P> {
  host: Host;
  engine: OperationEngine;
  params: P;
  caller: Caller;
}

export interface Query<P extends TSchema = TSchema> {
  definition: MethodDefinition<P>;
  answer(context: QueryContext<Static<P>>): unknown;
}

/** Keeps the types of one query together while it is written. */
export function defineQuery<P extends TSchema>(
  definition: Omit<MethodDefinition<P>, 'kind'>,
  answer: (context: QueryContext<Static<P>>) => unknown,
): Query<P> {
  return { definition: { ...definition, kind: 'query' }, answer };
}
