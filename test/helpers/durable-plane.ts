// A control plane with a memory that outlives its process: it can be cut off, killed, restored, robbed of its memory.
import { once } from 'node:events';
import type { Test } from 'tap';
import { type WebSocket, WebSocketServer } from 'ws';

// biome-ignore lint/suspicious/noExplicitAny: messages are looked into freely
type Message = any;

/** What it has on disk. */
interface Memory {
  /** Numbers of the events it has kept, in order. */
  kept: number[];
  types: Map<string, number>;
}

const nothing = (): Memory => ({ kept: [], types: new Map() });

export class DurablePlane {
  memory = nothing();
  /** Every arrival that was neither the next one nor one known already: must stay empty. */
  readonly gaps: string[] = [];
  /** Outcomes by request id; more than one if it was answered more than once. */
  readonly answers = new Map<string, string[]>();
  /** Requests whose answer has not come: sent again on every new link. */
  readonly pending = new Map<string, { method: string; params: object }>();
  /** Close codes of all links. */
  readonly closed: number[] = [];
  /** Errors answered to things that were no request. */
  faults = 0;
  /** Links on which the agent has said hello. */
  links = 0;
  /** Events that came since the last acknowledgement, at most. */
  mostUnacknowledged = 0;
  socket: WebSocket | undefined;
  /** Whether events are acknowledged as they come. */
  acknowledging = true;
  #unacknowledged = 0;
  #server: WebSocketServer | undefined;
  #port = 0;

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: this.#port });
    server.on('connection', (socket) => this.#welcome(socket));
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as { port: number }).port;
  }

  /** As by SIGKILL: no good-byes. */
  async kill(): Promise<void> {
    for (const socket of this.#server?.clients ?? []) socket.terminate();
    const closed = this.#server && once(this.#server, 'close');
    this.#server?.close();
    await closed;
    this.#server = undefined;
  }

  loseMemory(): void {
    this.memory = nothing();
  }

  /** Asks until it is answered, however many links that takes. */
  request(id: string, method: string, params: object): void {
    this.pending.set(id, { method, params });
    this.#ask(id);
  }

  /** The same request once more, answered or not. */
  again(id: string, method: string, params: object): void {
    this.raw(JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, requestId: id } }));
  }

  raw(data: string | Buffer): void {
    if (this.socket?.readyState === this.socket?.OPEN) this.socket?.send(data, () => undefined);
  }

  acknowledge(): void {
    this.#unacknowledged = 0;
    const seq = this.memory.kept.at(-1) ?? 0;
    this.raw(JSON.stringify({ jsonrpc: '2.0', method: 'acknowledge', params: { seq } }));
  }

  #ask(id: string): void {
    const asked = this.pending.get(id);
    if (asked) this.again(id, asked.method, asked.params);
  }

  #welcome(socket: WebSocket): void {
    this.#unacknowledged = 0;
    socket.on('error', () => undefined);
    socket.on('close', (code) => this.closed.push(code));
    socket.on('message', (data) => this.#hear(JSON.parse(String(data)), socket));
  }

  #hear(message: Message, socket: WebSocket): void {
    if (message.method === 'hello') {
      this.socket = socket;
      this.links++;
      const acknowledged = this.memory.kept.at(-1) ?? 0;
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { acknowledged } }));
      for (const id of this.pending.keys()) this.#ask(id);
    } else if (message.method === 'event') this.#keep(message.params);
    else if (message.method === undefined) this.#answered(message);
  }

  #keep({ seq, type }: { seq: number; type: string }): void {
    const last = this.memory.kept.at(-1) ?? 0;
    if (seq > last + 1) this.gaps.push(`${seq} after ${last}`);
    if (seq > last) {
      this.memory.kept.push(seq);
      this.memory.types.set(type, (this.memory.types.get(type) ?? 0) + 1);
    }
    this.mostUnacknowledged = Math.max(this.mostUnacknowledged, ++this.#unacknowledged);
    if (this.acknowledging) this.acknowledge();
  }

  #answered({ id, result, error }: Message): void {
    if (typeof id !== 'string') {
      this.faults++;
      return;
    }
    const known = this.answers.get(id) ?? [];
    this.answers.set(id, [...known, error ? `refused: ${error.data?.code}` : JSON.stringify(result)]);
    this.pending.delete(id);
  }
}

/** Started, and gone with the test. */
export async function durablePlane(t: Test): Promise<DurablePlane> {
  const plane = new DurablePlane();
  await plane.start();
  t.teardown(() => plane.kill());
  return plane;
}
