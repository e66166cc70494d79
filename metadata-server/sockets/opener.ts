// Short-lived child: started inside a network namespace, opens the sockets asked for and hands them to its parent.
import dgram from 'node:dgram';
import net from 'node:net';
import {
  BACKLOG,
  type EndCommand,
  type OpenCommand,
  type OpenerMessage,
  type SocketRequest,
} from './messages.ts';

/** An IPv6 address may still be tentative (duplicate address detection); worth waiting for. */
const ADDRESS_WAIT_MS = 3_000;
const ADDRESS_RETRY_MS = 50;
const RECEIVE_BUFFER_BYTES = 1 << 20;

function send(message: OpenerMessage, handle?: net.Server | net.Socket | dgram.Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(message, handle, {}, (error) => (error ? reject(error) : resolve()));
  });
}

/**
 * A guest may connect between listen() here and the hand-over, and then this process, which shares the
 * socket, may be the one to accept: such a connection is handed on too, unread.
 */
type Of<K> = Extract<SocketRequest, { kind: K }>;

async function openTcp(request: Of<'tcp'>): Promise<void> {
  const server = net.createServer({ pauseOnConnect: true }, (socket) => {
    send({ type: 'connection', name: request.name }, socket).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: request.address, port: request.port, ipv6Only: true, backlog: BACKLOG }, resolve);
  });
  for (let sent = 0; sent < (request.handles ?? 1); sent++) {
    await send({ type: 'opened', name: request.name }, server);
  }
  server.close();
}

async function openUdp(request: Of<'udp4'> | Of<'udp6'>): Promise<void> {
  const socket = dgram.createSocket({ type: request.kind, ipv6Only: request.kind === 'udp6' });
  const address = request.kind === 'udp4' ? request.address : '::';
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port: request.port, exclusive: true }, resolve);
  });
  // After a power cut all guests ask at once; the kernel gives as much of this as net.core.rmem_max allows.
  socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  if (request.kind === 'udp4') socket.setBroadcast(true);
  else socket.addMembership(request.group, `::%${request.device}`);
  await send({ type: 'opened', name: request.name }, socket);
  socket.close();
}

async function open(request: SocketRequest): Promise<void> {
  const giveUp = Date.now() + ADDRESS_WAIT_MS;
  for (;;) {
    try {
      return await (request.kind === 'tcp' ? openTcp(request) : openUdp(request));
    } catch (error) {
      const tentative = (error as NodeJS.ErrnoException).code === 'EADDRNOTAVAIL';
      if (!tentative || Date.now() > giveUp) throw error;
      await new Promise((resolve) => setTimeout(resolve, ADDRESS_RETRY_MS));
    }
  }
}

async function openAll(requests: SocketRequest[]): Promise<void> {
  for (const request of requests) {
    try {
      await open(request);
    } catch (error) {
      const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException;
      await send({ type: 'failed', name: request.name, code, message });
      return;
    }
  }
  await send({ type: 'done' });
}

process.on('message', (command: OpenCommand | EndCommand) => {
  if ('end' in command) process.disconnect();
  else openAll(command.open).catch(() => process.disconnect());
});
await send({ type: 'ready' });
