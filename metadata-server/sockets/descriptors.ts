// Between sockets of Node and the numbers that the kernel knows them by.
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { BACKLOG, type SocketRequest } from './messages.ts';

type Lookup = (address: string, done: (error: null, address: string) => void) => void;

interface WithHandle {
  handle?: { fd?: number; lookup?: Lookup };
}

/** What a datagram socket keeps in a member that only a symbol leads to. */
const statesOf = (socket: dgram.Socket): (WithHandle | undefined)[] =>
  Object.getOwnPropertySymbols(socket).map((key) => (socket as unknown as Record<symbol, WithHandle>)[key]);

/**
 * The descriptor of an open socket. Node has no public name for it: a server's handle is a member, a datagram
 * socket's is in its state, which only a symbol leads to.
 * @throws Error when the socket is closed
 */
export function descriptorOf(socket: net.Server | dgram.Socket): number {
  const states: (WithHandle | undefined)[] =
    socket instanceof net.Server
      ? [{ handle: (socket as unknown as { _handle?: { fd?: number } })._handle ?? {} }]
      : statesOf(socket);
  const descriptor = states.map((state) => state?.handle?.fd).find((fd) => typeof fd === 'number' && fd >= 0);
  if (descriptor === undefined) throw new Error('the socket has no descriptor');
  return descriptor;
}

/**
 * Answers go to addresses, never to names; but Node has its resolver look at every address, and sends a turn later. A
 * socket of one's own can be given a look-up that answers at once, one that came from another process cannot. Does
 * nothing where Node has no such thing.
 */
export function sendAtOnce(socket: dgram.Socket): void {
  for (const state of statesOf(socket)) {
    if (state?.handle?.lookup) state.handle.lookup = (address, done) => done(null, address);
  }
}

/**
 * A socket from a descriptor that this process was started with, checked to be the one that is wanted. Owns the
 * descriptor from then on.
 * @throws Error when it is something else
 */
export async function adoptSocket(
  descriptor: number,
  wanted: Exclude<SocketRequest, { kind: 'inherited' }>,
): Promise<net.Server | dgram.Socket> {
  if (wanted.kind === 'tcp') {
    const server = net.createServer();
    server.listen({ fd: descriptor, backlog: BACKLOG });
    await once(server, 'listening');
    const found = server.address() as net.AddressInfo;
    if (found.address === wanted.address && found.port === wanted.port) return server;
    server.close();
    throw new Error(`a kept socket is ${found.address} port ${found.port}`);
  }
  const socket = dgram.createSocket({ type: wanted.kind, ipv6Only: wanted.kind === 'udp6' });
  // Waited for beforehand: with a descriptor it is there at once.
  const listening = once(socket, 'listening');
  socket.bind({ fd: descriptor, exclusive: true });
  await listening;
  if (socket.address().port === wanted.port) return socket;
  socket.close();
  throw new Error(`a kept socket has port ${socket.address().port}`);
}
