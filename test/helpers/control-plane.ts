// A control plane for tests: a real WebSocket server that keeps what it hears and misbehaves on demand.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { type WebSocket, WebSocketServer } from 'ws';
import { type ControlPlaneOptions, connectControlPlane } from '../../agent/control-plane/link.ts';
import { FakeAgent } from './fake-agent.ts';
import { silent } from './local-api.ts';

// biome-ignore lint/suspicious/noExplicitAny: assertions look into messages freely
type Message = any;

/** See the file's purpose. */
export class TestControlPlane {
  /** Every message of every connection, as parsed. */
  readonly heard: Message[] = [];
  readonly requests: IncomingMessage[] = [];
  /** Sequence numbers in the order of arrival, over all connections. */
  readonly events: number[] = [];
  /** Called with each event; acknowledges at once unless replaced. */
  onEvent: (seq: number, socket: WebSocket) => void = (seq, socket) => this.acknowledge(seq, socket);
  /** The result of hello. */
  answer: unknown = {};
  socket: WebSocket | undefined;
  server: WebSocketServer | undefined;
  port = 0;
  #lastId = 0;

  async start(): Promise<this> {
    this.server = new WebSocketServer({
      host: '127.0.0.1',
      port: this.port,
      handleProtocols: () => 'innkeeper.v1',
    });
    this.server.on('connection', (socket, request) => this.#welcome(socket, request));
    await once(this.server, 'listening');
    this.port = (this.server.address() as { port: number }).port;
    return this;
  }

  #welcome(socket: WebSocket, request: IncomingMessage): void {
    this.socket = socket;
    this.requests.push(request);
    socket.on('error', () => undefined);
    socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      this.heard.push(message);
      if (message.method === 'hello' && this.answer !== undefined) {
        socket.send(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: this.answer }));
      }
      if (message.method === 'event') {
        this.events.push(message.params.seq);
        this.onEvent(message.params.seq, socket);
      }
    });
  }

  acknowledge(seq: number, socket = this.socket): void {
    socket?.send(JSON.stringify({ jsonrpc: '2.0', method: 'acknowledge', params: { seq } }));
  }

  /** Calls a method and waits for the whole answer. */
  async call(method: string, params?: unknown): Promise<Message> {
    const id = `cp-${++this.#lastId}`;
    this.socket?.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return await this.until(() => this.heard.find((message) => message.id === id && !message.method));
  }

  /** What was said under a method so far. */
  told(method: string): Message[] {
    return this.heard.filter((message) => message.method === method).map((message) => message.params);
  }

  /** Waits until `found` gives something; a test that waits in vain fails with its name. */
  async until<T>(found: () => T | undefined | false): Promise<T> {
    for (let tries = 0; tries < 2_000; tries++) {
      const value = found();
      if (value !== undefined && value !== false) return value;
      await sleep(5);
    }
    throw new Error(`waited in vain for ${found}`);
  }

  /** As a crash: no good-byes. */
  async stop(): Promise<void> {
    for (const socket of this.server?.clients ?? []) socket.terminate();
    const closed = this.server && once(this.server, 'close');
    this.server?.close();
    await closed;
    this.server = undefined;
  }
}

/** A control plane and a fake agent linked to it; everything is closed with the test. */
export async function linked(t: Pick<Test, 'teardown'>, options: Partial<ControlPlaneOptions> = {}) {
  const plane = await new TestControlPlane().start();
  const agent = new FakeAgent();
  const open = () =>
    connectControlPlane({
      url: `ws://127.0.0.1:${plane.port}/agents`,
      name: 'plane',
      right: 'operate',
      agent,
      log: silent,
      backoff: { min: 5, first: 10, max: 50 },
      ...options,
    });
  const links: { close(): Promise<void> }[] = [];
  t.teardown(async () => {
    for (const link of links) await link.close();
    if (plane.server) await plane.stop();
  });
  const connect = () => {
    const link = open();
    links.push(link);
    return link;
  };
  return { plane, agent, connect };
}
