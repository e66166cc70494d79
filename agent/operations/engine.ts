// The operation engine: the journal row is written before a step runs, so that after any crash
// every unfinished operation is carried on or taken back.
import { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import type { Host } from '../host.ts';
import type { Transaction } from '../inventory/transaction.ts';
import type { Caller } from '../methods.ts';
import { InnkeeperError, toInnkeeperError } from '../resources/errors.ts';
import { newId } from '../resources/names.ts';
import {
  fingerprintOf,
  journaledError,
  keysOf,
  newRecord,
  refuseOther,
  stepsBack,
  withOperation,
} from './engine-parts.ts';
import type { OperationRecord } from './journal.ts';
import type { JournalRow, JournalStore } from './journal-store.ts';
import type { AnyPlan, OperationKind, Step, StepContext } from './kind.ts';
import { type Release, ResourceLocks } from './locks.ts';
import { PATIENCE_MS, patiently } from './patience.ts';

/** Where a test may stop the process: before and after each step, at the start and at the end. */
export type Boundary = (kind: string, step: string, moment: 'before' | 'after') => void;

interface Running {
  row: JournalRow;
  abort: AbortController;
  done: Promise<unknown>;
}

export class OperationEngine {
  readonly locks = new ResourceLocks();
  readonly journal: JournalStore;
  readonly #host: Host;
  readonly #kinds: ReadonlyMap<string, OperationKind>;
  readonly #running = new Map<string, Running>();
  /** Request ids accepted but not yet journaled. */
  readonly #starting = new Map<string, { fingerprint: string; begun: Promise<{ done: Promise<unknown> }> }>();
  readonly #boundary: Boundary;
  readonly #updates = new EventEmitter<{ update: [OperationRecord] }>().setMaxListeners(0);
  #stopping = false;

  constructor(
    host: Host,
    kinds: ReadonlyMap<string, OperationKind>,
    journal: JournalStore,
    boundary?: Boundary,
  ) {
    this.#host = host;
    this.#kinds = kinds;
    this.journal = journal;
    this.#boundary = boundary ?? (() => {});
  }

  /** Calls `listener` whenever an operation's state, step or progress changes. */
  onUpdate(listener: (record: OperationRecord) => void): () => void {
    this.#updates.on('update', listener);
    return () => this.#updates.off('update', listener);
  }

  /**
   * Carries out an operation. The same request id and parameters again give the same answer and never
   * a second effect; with other parameters the id is refused.
   * @returns its id at once, and its result (or its error) when it has ended
   */
  async start(kind: OperationKind, params: object, caller: Caller, requestId?: string) {
    if (this.#stopping)
      throw new InnkeeperError('wrong-state', 'The agent is stopping; ask again when it is back.');
    const id = requestId ?? newId('operation');
    const fingerprint = fingerprintOf(kind.definition.name, params);
    const running = this.#running.get(id);
    const known = running ? { fingerprint: running.row.fingerprint, begun: running } : this.#starting.get(id);
    if (known) {
      refuseOther(id, known.fingerprint, fingerprint);
      return { id, done: (await known.begun).done };
    }
    const begun = this.#answerAgainOrBegin(kind, id, fingerprint, params, caller);
    this.#starting.set(id, { fingerprint, begun });
    try {
      return { id, done: (await begun).done };
    } finally {
      this.#starting.delete(id);
    }
  }

  /** The record of an operation that is running now, with its latest progress. */
  running(id: string): OperationRecord | undefined {
    return this.#running.get(id)?.row.record;
  }

  /** How many are under way. */
  get runningCount(): number {
    return this.#running.size;
  }

  /** Asks a running operation to stop and undo itself. @throws InnkeeperError */
  cancel(id: string): void {
    const running = this.#running.get(id);
    if (!running) throw new InnkeeperError('not-found', `No operation ${id} is running.`, { operation: id });
    const { row } = running;
    if (this.#kinds.get(row.record.kind)?.forwardOnly) {
      const why = `Operation ${id} (${row.record.kind}) cannot be undone, so it cannot be cancelled.`;
      throw new InnkeeperError('unsupported', why, { operation: id });
    }
    running.abort.abort(new InnkeeperError('cancelled', `Operation ${id} was cancelled.`, { operation: id }));
  }

  /** Carries on every operation a crash has interrupted; resolves when all of them hold their locks. */
  async resume(): Promise<void> {
    for (const row of await this.journal.unfinished()) {
      const kind = this.#kinds.get(row.record.kind);
      if (!kind)
        throw new InnkeeperError(
          'internal',
          `The journal has an operation of unknown kind ${row.record.kind}.`,
        );
      const release = await this.locks.acquire(row.record.resources, row.record.id);
      this.#host.log.info(
        { operation: row.record.id, kind: row.record.kind, step: row.record.step },
        'carrying on',
      );
      this.#run(kind, row, release);
    }
  }

  /** Takes no new ones, and waits until those running have ended or `ms` are over. */
  async drain(ms: number): Promise<void> {
    this.#stopping = true;
    const all = Promise.allSettled([...this.#running.values()].map(({ done }) => done));
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, ms).unref())]);
  }

  async #answerAgainOrBegin(
    kind: OperationKind,
    id: string,
    fingerprint: string,
    params: object,
    caller: Caller,
  ) {
    const row = await this.journal.find(id);
    if (!row) return this.#begin(kind, id, fingerprint, params, caller);
    refuseOther(id, row.fingerprint, fingerprint);
    const done = row.record.error ? Promise.reject(journaledError(row)) : Promise.resolve(row.record.result);
    done.catch(() => {});
    return { done };
  }

  async #begin(kind: OperationKind, id: string, fingerprint: string, params: object, caller: Caller) {
    for (;;) {
      const keys = keysOf(kind, this.#host, params);
      const release = await this.locks.acquire([...keys.lasting, ...keys.atBegin], id);
      let made: Release = () => {};
      try {
        const row = await this.#host.inventory.transact((tx) => {
          // While it waited its turn, a VDisk may have come to another VServer: then others must be waited for.
          if (!isDeepStrictEqual(keysOf(kind, this.#host, params), keys)) return undefined;
          const plan = kind.begin({ host: this.#host, tx, params: params as never, caller, operationId: id });
          const own = kind.locksOf?.(plan) ?? [];
          made = this.locks.take(own, id);
          const record = newRecord(kind, id, [...keys.lasting, ...own], caller);
          const begun: JournalRow = { record, fingerprint, plan };
          this.journal.put(tx, begun);
          return begun;
        });
        if (row) {
          this.#boundary(kind.definition.name, 'begin', 'after');
          const running = this.#run(kind, row, () => {
            release();
            made();
          });
          release(keys.atBegin);
          // What the hypervisor told of them just now was passed over.
          this.#host.settled(keys.atBegin);
          return running;
        }
        release();
      } catch (error) {
        release();
        made();
        this.#host.settled([...keys.lasting, ...keys.atBegin]);
        throw toInnkeeperError(error);
      }
    }
  }

  #run(kind: OperationKind, row: JournalRow, release: () => void): Running {
    const abort = new AbortController();
    const done = this.#carry(kind, row, abort.signal).finally(() => {
      this.#running.delete(row.record.id);
      release();
      this.#host.settled(row.record.resources);
    });
    done.catch(() => {});
    const running: Running = { row, abort, done };
    this.#running.set(row.record.id, running);
    this.#updates.emit('update', row.record);
    return running;
  }

  async #carry(kind: OperationKind, row: JournalRow, signal: AbortSignal): Promise<unknown> {
    if (row.record.state === 'undoing') return this.#undo(kind, row, journaledError(row));
    try {
      await this.#forward(kind, row, signal);
    } catch (thrown) {
      if (this.#host.halted) throw thrown;
      const error = signal.aborted ? (signal.reason as InnkeeperError) : toInnkeeperError(thrown);
      this.#host.log.warn(
        { operation: row.record.id, kind: row.record.kind, step: row.record.step, err: error },
        'failed',
      );
      return this.#undo(kind, row, withOperation(error, row.record.id));
    }
    return row.record.result;
  }

  async #forward(kind: OperationKind, row: JournalRow, signal: AbortSignal): Promise<void> {
    const context = this.#context(row, signal, kind.steps.length);
    const first = kind.steps.findIndex(({ name }) => name === row.record.step);
    for (const step of first < 0 ? [] : kind.steps.slice(first)) {
      signal.throwIfAborted();
      if (step !== kind.steps[0]) await this.#note(row, { step: step.name });
      this.#boundary(kind.definition.name, step.name, 'before');
      await patiently(this.#host, signal, PATIENCE_MS, () => step.run(context));
      this.#boundary(kind.definition.name, step.name, 'after');
    }
    await this.#note(row, { step: 'finish' });
    this.#boundary(kind.definition.name, 'finish', 'before');
    const end = (tx: Transaction) => kind.finish(tx, row.plan, this.#host) ?? null;
    await this.#end(row, { state: 'done', progress: 100 }, (tx) => ({ result: end(tx) }));
    this.#boundary(kind.definition.name, 'finish', 'after');
  }

  /** Runs the undos backwards from the step that failed, then gives back what was reserved. */
  async #undo(kind: OperationKind, row: JournalRow, error: InnkeeperError): Promise<never> {
    const body = error.toJSON();
    if (row.record.state !== 'undoing') await this.#note(row, { state: 'undoing', error: body });
    if (!kind.forwardOnly) {
      const context = this.#context(row, new AbortController().signal, kind.steps.length);
      for (const step of stepsBack(kind.steps, row.record.step)) {
        await this.#note(row, { step: step.name });
        this.#boundary(kind.definition.name, `undo ${step.name}`, 'before');
        await this.#undoStep(step, context);
      }
    }
    this.#boundary(kind.definition.name, 'abandon', 'before');
    await this.#end(row, { state: 'failed', error: body }, (tx) => {
      kind.abandon(tx, row.plan, error, this.#host);
      return {};
    });
    throw error;
  }

  /** An undo that fails is told and passed over: the others must still have their turn. */
  async #undoStep(step: Step<AnyPlan>, context: StepContext<AnyPlan>): Promise<void> {
    try {
      await patiently(this.#host, context.signal, Number.POSITIVE_INFINITY, async () => step.undo?.(context));
    } catch (failure) {
      if (this.#host.halted) throw failure;
      context.log.error({ err: failure, step: step.name }, 'a step could not be taken back');
    }
  }

  #context(row: JournalRow, signal: AbortSignal, steps: number): StepContext<AnyPlan> {
    const { id, kind } = row.record;
    const log = this.#host.log.child({ operation: id, kind });
    let told = 0;
    const progress = (done: number, total: number) => {
      const index = Math.max(
        0,
        this.#kinds.get(kind)!.steps.findIndex(({ name }) => name === row.record.step),
      );
      const percent = Math.floor((100 * (index + (total > 0 ? Math.min(1, done / total) : 0))) / steps);
      row.record = { ...row.record, progress: Math.min(99, percent), bytesDone: done, bytesTotal: total };
      if (Date.now() - told < PROGRESS_EVERY_MS) return;
      told = Date.now();
      this.#updates.emit('update', row.record);
    };
    return { host: this.#host, plan: row.plan, signal, log, progress };
  }

  async #note(row: JournalRow, changes: Partial<OperationRecord>): Promise<void> {
    row.record = { ...row.record, ...changes };
    await this.#host.inventory.transact((tx) => this.journal.put(tx, row));
    this.#updates.emit('update', row.record);
  }

  async #end(
    row: JournalRow,
    changes: Partial<OperationRecord>,
    last: (tx: Transaction) => Partial<OperationRecord>,
  ): Promise<void> {
    await this.#host.inventory.transact((tx) => {
      row.record = { ...row.record, ...changes, endTime: new Date().toISOString(), ...last(tx) };
      this.journal.put(tx, row);
    });
    this.#updates.emit('update', row.record);
  }
}

/** Progress is told at most so often. */
const PROGRESS_EVERY_MS = 250;
