// A small AgentApi in memory, so that the ways in can be tested without a hypervisor.
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { Health } from '../../agent/capacity/health.ts';
import type { StoredEvent } from '../../agent/inventory/outbox.ts';
import type {
  AgentApi,
  Caller,
  HelloFacts,
  MeteringApi,
  MethodDefinition,
  Right,
} from '../../agent/methods.ts';
import type { OperationRecord } from '../../agent/operations/journal.ts';
import { InnkeeperError } from '../../agent/resources/errors.ts';

const RIGHTS: Right[] = ['observe', 'operate', 'administer'];
const closed = { additionalProperties: false };

function method(
  name: string,
  right: Right,
  kind: MethodDefinition['kind'],
  http: string,
  params: Record<string, TSchema>,
): MethodDefinition {
  const [verb, path] = http.split(' ') as [MethodDefinition['http']['verb'], string];
  const common = { requestId: Type.Optional(Type.String()), wait: Type.Optional(Type.Boolean()) };
  const all = kind === 'operation' ? { ...params, ...common } : params;
  const summary = `Fake ${name}.`;
  return {
    name,
    summary,
    right,
    kind,
    params: Type.Object(all, closed),
    result: Type.Unknown(),
    http: { verb, path },
  };
}

const vserverId = { vserverId: Type.String() };
const METHODS = [
  method('createVServer', 'operate', 'operation', 'POST /v1/vservers', {
    name: Type.String({ minLength: 1 }),
    type: Type.String(),
    imageId: Type.String(),
    vnics: Type.Array(
      Type.Object({ vnetId: Type.String(), ipv4Address: Type.Optional(Type.String()) }, closed),
    ),
    userData: Type.Optional(Type.String()),
    sshKeys: Type.Optional(Type.Array(Type.String())),
    variables: Type.Optional(Type.Record(Type.String(), Type.String())),
    boot: Type.Optional(Type.Boolean()),
  }),
  method('startVServer', 'operate', 'operation', 'POST /v1/vservers/{vserverId}/start', vserverId),
  method('destroyVServer', 'operate', 'operation', 'DELETE /v1/vservers/{vserverId}', vserverId),
  method('getVServerAttributes', 'observe', 'query', 'GET /v1/vservers/{vserverId}', vserverId),
  method('listVServer', 'observe', 'query', 'GET /v1/vservers', {
    state: Type.Optional(Type.String()),
    limit: Type.Optional(Type.Integer({ minimum: 1 })),
  }),
  method('getCapacity', 'observe', 'query', 'GET /v1/capacity', {}),
  method('fail', 'administer', 'query', 'POST /v1/fail', { code: Type.Optional(Type.String()) }),
];

/** What the fake was asked, for assertions. */
export interface FakeCall {
  method: string;
  params: unknown;
  caller: Caller;
}

/** See the file's purpose; every event, update and capacity change is made by the test. */
export class FakeAgent implements AgentApi {
  readonly methods = new Map(METHODS.map((definition) => [definition.name, definition]));
  readonly calls: FakeCall[] = [];
  readonly vservers = new Map<string, Record<string, unknown>>();
  readonly stored: StoredEvent[] = [];
  /** Set by a test that meters. */
  metering: MeteringApi | undefined;
  readonly acks = new Map<string, number>();
  /** How long an operation takes, in ms, or what it waits for; it reports progress half way. */
  operationTime: number | Promise<unknown> = 0;
  #wakers = new Set<() => void>();
  #updates = new Set<(record: OperationRecord) => void>();
  #capacityListeners = new Set<() => void>();

  async call(name: string, params: unknown, caller: Caller): Promise<unknown> {
    const definition = this.methods.get(name);
    if (!definition) throw new InnkeeperError('unsupported', `no method ${name}`);
    if (RIGHTS.indexOf(caller.right) < RIGHTS.indexOf(definition.right)) {
      throw new InnkeeperError('forbidden', `${caller.name} has no right to ${name}`);
    }
    if (!Value.Check(definition.params, params)) {
      const first = Value.Errors(definition.params, params).First();
      throw new InnkeeperError('invalid', `${name}: ${first?.path} ${first?.message}`);
    }
    this.calls.push({ method: name, params, caller });
    const given = params as Record<string, unknown>;
    if (definition.kind === 'query') return this.#query(name, given);
    return await this.#operation(name, given, caller);
  }

  #query(name: string, params: Record<string, unknown>): unknown {
    if (name === 'listVServer') return [...this.vservers.values()].slice(0, (params.limit as number) ?? 1e9);
    if (name === 'getVServerAttributes') return this.#vserver(params);
    if (name === 'getCapacity') return { vservers: this.vservers.size, freeMemoryMiB: 1024 };
    if (params.code === undefined) throw new TypeError('a plain fault');
    throw new InnkeeperError(params.code as InnkeeperError['code'], 'as asked', { vserver: 'vs-1' });
  }

  #vserver(params: Record<string, unknown>): Record<string, unknown> {
    const wanted = params.vserverId;
    const found = [...this.vservers.values()].find(
      (each) => each.vserverId === wanted || each.name === wanted,
    );
    if (found) return found;
    throw new InnkeeperError('not-found', `There is no VServer "${wanted}"`, { vserver: String(wanted) });
  }

  async #operation(name: string, params: Record<string, unknown>, caller: Caller): Promise<unknown> {
    const id = String(params.requestId ?? `op-${this.calls.length}`);
    const record = (state: OperationRecord['state'], progress: number): OperationRecord => {
      const startTime = new Date().toISOString();
      return {
        id,
        kind: name,
        state,
        step: 'working',
        progress,
        resources: [],
        caller: caller.name,
        startTime,
      };
    };
    const work = async () => {
      this.update(record('running', 50));
      await (typeof this.operationTime === 'number' ? sleep(this.operationTime) : this.operationTime);
      const result = this.#carryOut(name, params);
      this.update(record('done', 100));
      return result;
    };
    if (params.wait !== false) return await work();
    void work().catch(() => undefined);
    return { operationId: id };
  }

  #carryOut(name: string, params: Record<string, unknown>): unknown {
    if (name === 'createVServer') {
      const id = `vs-${this.vservers.size + 1}`;
      const made = {
        vserverId: id,
        name: params.name,
        vserverType: params.type,
        state: 'running',
        power: 'on',
      };
      this.vservers.set(id, made);
      this.emit('vserver.created', { vserver: id }, { name: params.name });
      return { vserverId: id };
    }
    const vserver = this.#vserver(params);
    if (name === 'destroyVServer') this.vservers.delete(String(vserver.vserverId));
    else if (vserver.state === 'running') throw new InnkeeperError('wrong-state', 'It is running already');
    return { vserverId: vserver.vserverId };
  }

  /** Stores one event and wakes every reader. */
  emit(type: string, ids: Record<string, string> = {}, data: Record<string, unknown> = {}): StoredEvent {
    const event = { seq: this.stored.length + 1, time: new Date().toISOString(), type, ids, data };
    this.stored.push(event);
    for (const wake of this.#wakers) wake();
    return event;
  }

  async *events(after: number, signal: AbortSignal): AsyncIterable<StoredEvent> {
    for (let next = after; !signal.aborted; ) {
      const event = this.stored[next];
      if (event) {
        yield event;
        next++;
      } else await this.#woken(signal);
    }
  }

  #woken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wakers.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  /** Tells everybody who follows operations. */
  update(record: OperationRecord): void {
    for (const listener of this.#updates) listener(record);
  }

  async *operationUpdates(signal: AbortSignal): AsyncIterable<OperationRecord> {
    const queue: OperationRecord[] = [];
    const listener = (record: OperationRecord) => {
      queue.push(record);
      for (const wake of this.#wakers) wake();
    };
    this.#updates.add(listener);
    try {
      while (!signal.aborted) {
        const record = queue.shift();
        if (record) yield record;
        else await this.#woken(signal);
      }
    } finally {
      this.#updates.delete(listener);
    }
  }

  /** Readers of events or updates that have not gone away. */
  get followers(): number {
    return this.#wakers.size;
  }

  acknowledged(name: string): number {
    return this.acks.get(name) ?? 0;
  }

  async acknowledge(name: string, seq: number): Promise<void> {
    this.acks.set(name, Math.max(seq, this.acknowledged(name)));
  }

  hello(): HelloFacts {
    return {
      hostId: 'host-1',
      hostname: 'fake',
      agentVersion: '0.0.0',
      protocolVersions: ['innkeeper.v1'],
      hypervisor: 'fake',
      features: {},
      lastSequence: this.stored.length,
    };
  }

  health(): Health {
    return { status: 'ok', warnings: [] };
  }

  async metrics(): Promise<string> {
    return 'fake 1\n';
  }

  /** What the agent does when its capacity report may have changed. */
  capacityChanged(): void {
    for (const listener of this.#capacityListeners) listener();
  }

  onCapacityChange(listener: () => void): () => void {
    this.#capacityListeners.add(listener);
    return () => this.#capacityListeners.delete(listener);
  }

  async console(vserver: string): Promise<Duplex> {
    this.#vserver({ vserverId: vserver });
    let closed = false;
    const screen = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        if (chunk.includes('bye')) this.push(null);
        else if (!closed) this.push(`echo:${chunk}`);
        done();
      },
      final(done) {
        closed = true;
        done();
      },
    });
    screen.push(`console of ${vserver}\r\n`);
    return screen;
  }
}
