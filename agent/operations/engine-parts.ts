// Small decisions of the engine that need none of its state.
import { createHash } from 'node:crypto';
import type { Host } from '../host.ts';
import type { Caller } from '../methods.ts';
import { InnkeeperError } from '../resources/errors.ts';
import type { OperationRecord } from './journal.ts';
import type { JournalRow } from './journal-store.ts';
import type { AnyPlan, OperationKind, Step } from './kind.ts';

/** The locks a request needs, as things are now. @throws InnkeeperError `not-found`, `wrong-state` */
export function keysOf(kind: OperationKind, host: Host, params: object) {
  const lasting = kind.locks(host, params as never);
  const atBegin = kind.locksAtBegin?.(host, params as never) ?? [];
  return { lasting, atBegin: atBegin.filter((key) => !lasting.includes(key)) };
}

/** What the journal says of an operation that is about to begin. */
export function newRecord(
  kind: OperationKind,
  id: string,
  resources: string[],
  caller: Caller,
): OperationRecord {
  return {
    id,
    kind: kind.definition.name,
    state: 'running',
    step: kind.steps[0]?.name ?? 'finish',
    progress: 0,
    resources,
    caller: caller.name,
    startTime: new Date().toISOString(),
  };
}

/** The steps to undo, last first, beginning with the one that was (perhaps half) done. */
export function stepsBack(steps: readonly Step<AnyPlan>[], reached: string): Step<AnyPlan>[] {
  const index = steps.findIndex(({ name }) => name === reached);
  return steps.slice(0, index < 0 ? steps.length : index + 1).reverse();
}

/** The error an operation ended with, or is being undone for. */
export function journaledError(row: JournalRow): InnkeeperError {
  const { code, message, ids } = row.record.error!;
  return new InnkeeperError(code as InnkeeperError['code'], message, ids);
}

/** The same error, with the id of the operation that met it. */
export function withOperation(error: InnkeeperError, operation: string): InnkeeperError {
  return new InnkeeperError(error.code, error.message, { ...error.ids, operation }, error);
}

/** @throws InnkeeperError `conflict` if a request id was used for another request */
export function refuseOther(id: string, known: string, asked: string): void {
  if (known === asked) return;
  const why = `The request id ${id} was already used for something else; take a new one for a new request.`;
  throw new InnkeeperError('conflict', why, { operation: id });
}

/** The same request gives the same fingerprint, whatever the order of its fields. */
export function fingerprintOf(kind: string, params: object): string {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted);
    if (value === null || typeof value !== 'object') return value;
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
  };
  return createHash('sha256')
    .update(JSON.stringify([kind, sorted(params)]))
    .digest('hex');
}
