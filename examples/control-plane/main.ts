// A control plane in about a hundred lines: it greets agents, keeps their events, prints what they report, and
// calls what is typed. Start from it; docs/control-plane-protocol.md is all there is to know.
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type WebSocket, WebSocketServer } from 'ws';

const { values: options } = parseArgs({
  options: { host: { type: 'string', default: '127.0.0.1' }, port: { type: 'string', default: '7070' } },
});
const token = process.env.CONTROL_PLANE_TOKEN;

interface Message {
  id?: string | number;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: { message: string; data?: unknown };
}

/** What a real one keeps in its database: the last event of each host. Lost, every event comes again. */
const lastEvent = new Map<string, number>();
/** Open links by host name. */
const hosts = new Map<string, WebSocket>();
let lastId = 0;

function print(host: string, what: string, value: unknown): void {
  // JSON escapes control characters: what guests and tenants named things must not reach the terminal raw.
  process.stdout.write(`${host}  ${what}  ${JSON.stringify(value)}\n`);
}

function send(socket: WebSocket, message: object): void {
  socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
}

/** Answers the first message of an agent: who it is, and from which event on it should report. */
function hello(socket: WebSocket, { id, params = {} }: Message): string {
  const hostname = String(params.hostname);
  hosts.set(hostname, socket);
  const acknowledged = lastEvent.get(String(params.hostId));
  send(socket, {
    id,
    result: { capacityIntervalSeconds: 60, ...(acknowledged === undefined ? {} : { acknowledged }) },
  });
  print(hostname, 'hello', params);
  return hostname;
}

/** Keeps an event, and only then acknowledges it: in this order nothing is ever lost. */
function event(socket: WebSocket, hostId: string, seq: number): void {
  if (seq > (lastEvent.get(hostId) ?? 0)) lastEvent.set(hostId, seq);
  send(socket, { method: 'acknowledge', params: { seq } });
}

const server = new WebSocketServer({
  host: options.host,
  port: Number(options.port),
  maxPayload: 16 * 1024 * 1024,
  handleProtocols: (offered) => offered.has('innkeeper.v1') && 'innkeeper.v1',
  verifyClient: ({ req }: { req: IncomingMessage }) =>
    token === undefined || req.headers.authorization === `Bearer ${token}`,
});

server.on('connection', (socket) => {
  let name = '?';
  let hostId = '?';
  socket.on('error', (error) => print(name, 'broken', error.message));
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as Message;
    const { method, params = {} } = message;
    if (method === 'hello') {
      name = hello(socket, message);
      hostId = String(params.hostId);
    } else if (method === 'event') {
      print(name, `event ${params.seq} ${params.type}`, {
        ...(params.ids as object),
        ...(params.data as object),
      });
      event(socket, hostId, Number(params.seq));
    } else if (method !== undefined) print(name, method, params);
    else if (message.error) print(name, `refused ${message.id}`, message.error.data ?? message.error.message);
    else print(name, `answer ${message.id}`, message.result);
  });
  socket.on('close', (code) => {
    if (hosts.get(name) === socket) hosts.delete(name);
    print(name, 'gone', code);
  });
});

server.on('listening', () => {
  const { port } = server.address() as { port: number };
  process.stdout.write(`Waiting for agents on ws://${options.host}:${port}\n`);
  process.stdout.write(
    'Type METHOD [JSON], for example: listVServer   or: startVServer {"vserverId": "web"}\n',
  );
});

/** Calls a method on every host; a real one would choose a host by its capacity. */
function call(line: string): void {
  const [, method, text] = /^\s*([\w.]+)\s*(\{.*\})?\s*$/.exec(line) ?? [];
  if (!method) process.stdout.write('METHOD [JSON OBJECT]\n');
  else if (hosts.size === 0) process.stdout.write('No agent is connected.\n');
  else {
    const params = text ? JSON.parse(text) : {};
    for (const socket of hosts.values()) send(socket, { id: ++lastId, method, params });
  }
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  try {
    if (line.trim() !== '') call(line);
  } catch (error) {
    process.stdout.write(`${(error as Error).message}\n`);
  }
});
