// The one object every way in talks to.
import { EventEmitter, on } from 'node:events';
import { hostname } from 'node:os';
import type { Duplex } from 'node:stream';
import { type Health, healthOf } from './capacity/health.ts';
import type { Host } from './host.ts';
import type { EventLog } from './inventory/event-log.ts';
import type { StoredEvent } from './inventory/outbox.ts';
import type { AgentApi, Caller, HelloFacts, MeteringApi, MethodDefinition, Right } from './methods.ts';
import { metricsPage } from './metrics/page.ts';
import type { OperationEngine } from './operations/engine.ts';
import { find } from './operations/find.ts';
import type { OperationRecord } from './operations/journal.ts';
import type { OperationKind } from './operations/kind.ts';
import { requireState } from './operations/transitions.ts';
import type { Query } from './queries/query.ts';
import { InnkeeperError, toInnkeeperError } from './resources/errors.ts';
import { check } from './validation.ts';
import { PROTOCOL_VERSIONS, VERSION } from './version.ts';

const RANK: Record<Right, number> = { observe: 0, operate: 1, administer: 2 };
/** Changes of capacity within this time are told once. */
const CAPACITY_COALESCE_MS = 100;

export interface AgentParts {
  host: Host;
  engine: OperationEngine;
  log: EventLog;
  kinds: ReadonlyMap<string, OperationKind>;
  queries: ReadonlyMap<string, Query>;
}

export class Agent implements AgentApi {
  readonly methods: ReadonlyMap<string, MethodDefinition>;
  readonly #parts: AgentParts;
  readonly #capacity = new EventEmitter().setMaxListeners(0);
  #capacityTimer: NodeJS.Timeout | undefined;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    const all = [...parts.kinds.values(), ...parts.queries.values()].map(({ definition }) => definition);
    this.methods = new Map(all.map((definition) => [definition.name, definition as MethodDefinition]));
    parts.host.inventory.onCommit(({ changes }) => {
      if (changes.length > 0) this.capacityChanged();
    });
  }

  async call(method: string, params: unknown, caller: Caller): Promise<unknown> {
    const definition = this.methods.get(method);
    if (!definition)
      throw new InnkeeperError('not-found', `There is no method ${String(method).slice(0, 64)}.`);
    if (RANK[caller.right] < RANK[definition.right]) {
      const why = `${caller.name} may ${caller.right}; ${method} takes the right to ${definition.right}.`;
      throw new InnkeeperError('forbidden', why);
    }
    const checked = check(definition.params, params ?? {}, method) as Record<string, unknown>;
    try {
      return await this.#carryOut(method, checked, caller);
    } catch (error) {
      const known = toInnkeeperError(error);
      if (known.code === 'internal') this.#parts.host.log.error({ err: known, method }, 'a call failed');
      throw known;
    }
  }

  events(after: number, signal: AbortSignal): AsyncIterable<StoredEvent> {
    return this.#parts.log.follow(after, signal);
  }

  async *operationUpdates(signal: AbortSignal): AsyncGenerator<OperationRecord> {
    const relay = new EventEmitter();
    const stop = this.#parts.engine.onUpdate((record) => relay.emit('update', record));
    try {
      for await (const [record] of on(relay, 'update', { signal, highWaterMark: 1024 })) yield record;
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      stop();
    }
  }

  acknowledged(name: string): number {
    return this.#parts.log.acknowledged(name);
  }

  acknowledge(name: string, seq: number): Promise<void> {
    return this.#parts.log.acknowledge(name, seq);
  }

  hello(): HelloFacts {
    const { host } = this.#parts;
    return {
      hostId: host.inventory.hostId,
      hostname: host.totals.facts?.hostname ?? hostname(),
      agentVersion: VERSION,
      protocolVersions: PROTOCOL_VERSIONS,
      hypervisor: host.totals.facts?.hypervisor ?? 'unknown',
      features: { ...host.hypervisor.features, metering: host.meters !== undefined },
      lastSequence: host.inventory.lastSequence,
    };
  }

  get metering(): MeteringApi | undefined {
    const { meters, config } = this.#parts.host;
    if (!meters) return undefined;
    return {
      intervalSeconds: config.metering.interval_seconds,
      lastSequence: meters.lastSequence,
      acknowledged: (name) => meters.acknowledged(name),
      acknowledge: (name, seq) => meters.acknowledge(name, seq),
      batches: (after, signal) => meters.follow(after, signal),
    };
  }

  onCapacityChange(listener: () => void): () => void {
    this.#capacity.on('change', listener);
    return () => this.#capacity.off('change', listener);
  }

  /** Tells the listeners soon, once for many changes. */
  capacityChanged(): void {
    this.#capacityTimer ??= setTimeout(() => {
      this.#capacityTimer = undefined;
      this.#capacity.emit('change');
    }, CAPACITY_COALESCE_MS).unref();
  }

  health(): Health {
    const { hypervisor, totals } = this.#parts.host;
    return healthOf(totals, hypervisor.connected);
  }

  metrics(): Promise<string> {
    const { host, log, engine } = this.#parts;
    return metricsPage(host, { receivers: log.receivers, operationsRunning: engine.runningCount });
  }

  async console(reference: string): Promise<Duplex> {
    const { inventory, hypervisor } = this.#parts.host;
    const vserver = find(inventory, 'vserver', reference);
    requireState(vserver, ['running', 'stopping'], 'looked into');
    try {
      return await hypervisor.openConsole(vserver.domain);
    } catch (error) {
      throw toInnkeeperError(error, { vserver: vserver.id });
    }
  }

  async #carryOut(method: string, params: Record<string, unknown>, caller: Caller): Promise<unknown> {
    const { host, engine, kinds, queries } = this.#parts;
    const query = queries.get(method);
    if (query) return query.answer({ host, engine, params: params as never, caller });
    const { requestId, wait, ...own } = params;
    const { id, done } = await engine.start(kinds.get(method)!, own, caller, requestId as string | undefined);
    if (wait === false) return { operationId: id };
    return done;
  }
}
