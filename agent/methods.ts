// What every way in (WebSocket, HTTP over the UNIX socket, the command line) sees of the agent:
// a table of methods, each with its schemas, and one function that calls them.
import type { Duplex } from 'node:stream';
import type { Static, TSchema } from '@sinclair/typebox';
import type { Health } from './capacity/health.ts';
import type { StoredEvent } from './inventory/outbox.ts';
import type { MeterBatch } from './metering/meter-store.ts';
import type { OperationRecord } from './operations/journal.ts';

/** Rights, each including the ones before it. */
export type Right = 'observe' | 'operate' | 'administer';

/** Who calls; kept as `creator` of what they make. */
export interface Caller {
  name: string;
  right: Right;
}

/** One method as the outside sees it. */
export interface MethodDefinition<P extends TSchema = TSchema> {
  /** Name as in the Fujitsu paper: createVServer, listVNet … */
  name: string;
  /** One sentence for help texts and the OpenAPI document. */
  summary: string;
  right: Right;
  /** Queries answer from memory; operations are journaled, take `requestId` and `wait`, and report progress. */
  kind: 'query' | 'operation';
  /** Parameters; additional properties are always refused. */
  params: P;
  result: TSchema;
  /** REST binding: path parameters in braces are taken from `params`. */
  http: { verb: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'; path: string };
}

export type ParamsOf<D> = D extends MethodDefinition<infer P> ? Static<P> : never;

/** The one object every way in talks to. */
export interface AgentApi {
  readonly methods: ReadonlyMap<string, MethodDefinition>;
  /**
   * Checks `params` against the method's schema and the caller's right, then carries it out.
   * Operations resolve with their result when done; with `wait: false` at once with `{operationId}`.
   * @throws InnkeeperError
   */
  call(method: string, params: unknown, caller: Caller): Promise<unknown>;
  /** Every event with a sequence number above `after`, then each new one as it is committed. */
  events(after: number, signal: AbortSignal): AsyncIterable<StoredEvent>;
  /** State and progress of operations as they change (not stored, not acknowledged). */
  operationUpdates(signal: AbortSignal): AsyncIterable<OperationRecord>;
  /** Last event the control plane `name` has acknowledged; 0 for a new one. */
  acknowledged(name: string): number;
  acknowledge(name: string, seq: number): Promise<void>;
  /** What VServers use, sampled; absent where nothing is metered. */
  readonly metering: MeteringApi | undefined;
  /** Facts for `hello`: host id and name, versions, driver, features. */
  hello(): HelloFacts;
  /** Calls `listener` when the capacity report may have changed (coalesced). */
  onCapacityChange(listener: () => void): () => void;
  /** Whether the agent can do its work now, and what a person should know. */
  health(): Health;
  /** Everything measured, in Prometheus' text format. */
  metrics(): Promise<string>;
  /** Serial console of a running VServer (id or name). */
  console(vserver: string): Promise<Duplex>;
}

/** Samples of what VServers use: numbered, kept for a while, acknowledged apart from the events. */
export interface MeteringApi {
  readonly intervalSeconds: number;
  readonly lastSequence: number;
  acknowledged(name: string): number;
  acknowledge(name: string, seq: number): Promise<void>;
  /** Batches above `after` in order, then each new one. */
  batches(after: number, signal: AbortSignal): AsyncIterable<MeterBatch>;
}

export interface HelloFacts {
  hostId: string;
  hostname: string;
  agentVersion: string;
  protocolVersions: string[];
  hypervisor: string;
  features: Record<string, boolean>;
  lastSequence: number;
}
