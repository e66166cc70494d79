// The quickstart's control plane, a process of its own: takes the agent's connection and writes down what it is told.
// Usage: node control-plane.ts RECORD     prints "listening PORT"
import { appendFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

interface Message {
  id?: number;
  method?: string;
  params?: unknown;
}

const record = process.argv[2] ?? '';
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 4 << 20 });
server.on('listening', () => console.log(`listening ${(server.address() as AddressInfo).port}`));
server.on('connection', (socket) => {
  socket.on('message', (data) => take(socket, JSON.parse(String(data))));
  socket.on('error', (error) => console.error(error.message));
});
process.on('SIGTERM', () => process.exit(0));

/** Kept first, acknowledged afterwards: that is what makes delivery certain. */
function take(socket: WebSocket, { id, method, params }: Message): void {
  if (method === undefined) return;
  appendFileSync(record, `${JSON.stringify({ time: Date.now(), method, params })}\n`);
  if (method === 'hello') socket.send(JSON.stringify({ jsonrpc: '2.0', id, result: {} }));
  if (method === 'event') {
    const { seq } = params as { seq: number };
    socket.send(JSON.stringify({ jsonrpc: '2.0', method: 'acknowledge', params: { seq } }));
  }
}
