// What an operation is made of: a check that reserves, steps that can be repeated and undone, an ending.
import type { TSchema } from '@sinclair/typebox';
import type { Logger } from 'pino';
import type { Host } from '../host.ts';
import type { Transaction } from '../inventory/transaction.ts';
import type { Caller, MethodDefinition, ParamsOf } from '../methods.ts';
import type { InnkeeperError } from '../resources/errors.ts';

/** What `begin` decided once and every later step reads: ids, names, sizes. Plain JSON. */
// biome-ignore lint/suspicious/noExplicitAny: each kind has its own plan; the engine only stores it.
export type AnyPlan = any;

export interface StepContext<S> {
  host: Host;
  plan: S;
  /** Aborted when the operation is cancelled; long steps pass it on. */
  signal: AbortSignal;
  log: Logger;
  /** Bytes or units; shown as progress of the whole operation. */
  progress(done: number, total: number): void;
}

/**
 * One step. `run` is called again after a crash, so what already holds must be success; `undo` takes
 * back whatever a whole or half run may have left, and is success when there is nothing.
 */
export interface Step<S> {
  name: string;
  run(context: StepContext<S>): Promise<void>;
  undo?(context: StepContext<S>): Promise<void>;
}

export interface BeginContext<P> {
  host: Host;
  tx: Transaction;
  params: P;
  caller: Caller;
  operationId: string;
}

/** A kind of operation, S being its plan. */
export interface OperationKind<D extends MethodDefinition<TSchema> = MethodDefinition, S = AnyPlan> {
  definition: D;
  /** Lock keys ("vserver/vs-…") of what it changes; resolved from names. @throws InnkeeperError `not-found` */
  locks(host: Host, params: ParamsOf<D>): string[];
  /** Further keys that are held only while `begin` decides, so that it decides between two operations on them. */
  locksAtBegin?(host: Host, params: ParamsOf<D>): string[];
  /** Keys of what `begin` has made and others could name before it is finished. */
  locksOf?(plan: S): string[];
  /** Checks everything and reserves it, in the transaction that writes the journal row. @throws InnkeeperError */
  begin(context: BeginContext<ParamsOf<D>>): S;
  steps: readonly Step<S>[];
  /** The change of state that makes it true, in the transaction that ends the journal row. */
  finish(tx: Transaction, plan: S, host: Host): unknown;
  /** After all undos: takes back what `begin` reserved. Without it, failing leaves the plan to `failed`. */
  abandon(tx: Transaction, plan: S, error: InnkeeperError, host: Host): void;
  /** True where undoing makes no sense: steps already taken stay, `abandon` says what state that is. */
  forwardOnly?: boolean;
}

/** Keeps the types of one kind together while it is written. */
export function defineOperation<P extends TSchema, S>(
  kind: OperationKind<MethodDefinition<P>, S>,
): OperationKind<MethodDefinition<P>, S> {
  return kind;
}
