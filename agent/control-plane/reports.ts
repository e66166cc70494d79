// What is told but not stored: capacity when it changed and by interval, and the newest state of each operation.
import type { AgentApi, Caller } from '../methods.ts';
import type { OperationRecord } from '../operations/journal.ts';
import { type Clock, pause } from './clock.ts';

/** Shortest time between two capacity reports, in ms: a burst of changes is one report. */
const CAPACITY_GAP = 200;

/** Sends one notification; resolves when it has left. */
export type Notify = (method: string, params: unknown) => Promise<void>;

/** What a report of capacity needs. */
export interface CapacityOptions {
  agent: AgentApi;
  caller: Caller;
  clock: Clock;
  /** Time between two reports when nothing changes, in ms. */
  interval: number;
  notify: Notify;
  log: { warn(fields: object, message: string): void };
}

/** Reports capacity at once, after each change, and by interval, until the signal aborts. */
export async function reportCapacity(options: CapacityOptions, signal: AbortSignal): Promise<void> {
  const { agent, clock, interval, notify } = options;
  let changed = new AbortController();
  const forget = agent.onCapacityChange(() => changed.abort());
  try {
    while (!signal.aborted) {
      changed = new AbortController();
      const capacity = await sample(options);
      if (capacity !== undefined) await notify('capacity', capacity);
      await pause(clock, CAPACITY_GAP, signal);
      const either = AbortSignal.any([signal, changed.signal]);
      await pause(clock, Math.max(0, interval - CAPACITY_GAP), either);
    }
  } finally {
    forget();
  }
}

/** A hypervisor that cannot be asked is no reason to hang up: the next sample may succeed. */
async function sample({ agent, caller, log }: CapacityOptions): Promise<unknown> {
  try {
    return await agent.call('getCapacity', {}, caller);
  } catch (error) {
    log.warn({ err: error }, 'capacity cannot be told now');
    return undefined;
  }
}

/** Reports operations; while the link is slow, only the newest state of each is kept. */
export async function reportOperations(agent: AgentApi, notify: Notify, signal: AbortSignal): Promise<void> {
  const newest = new Map<string, OperationRecord>();
  let draining = false;
  let failed: unknown;
  const drain = async () => {
    if (draining) return;
    draining = true;
    try {
      for (const [id, record] of newest) {
        newest.delete(id);
        await notify('operation', record);
      }
    } catch (error) {
      failed = error;
    } finally {
      draining = false;
    }
  };
  for await (const record of agent.operationUpdates(signal)) {
    if (failed !== undefined) throw failed;
    newest.set(record.id, record);
    void drain();
  }
}
