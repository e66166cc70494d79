// The link the other way round: control planes that dial the agent. Nothing listens unless this is called.
import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import type { FastifyBaseLogger } from 'fastify';
import { type WebSocket, WebSocketServer } from 'ws';
import type { AgentApi, Caller } from '../methods.ts';
import { InnkeeperError } from '../resources/errors.ts';
import { type AdmittedControlPlane, admit, checkAdmitted } from './admission.ts';
import { type Clock, systemClock } from './clock.ts';
import { isLoopback } from './dial.ts';
import { SUBPROTOCOL } from './protocol.ts';
import { DEFAULT_LIMITS, runSession, type SessionLimits } from './session.ts';

/** Connections at once, admitted or not yet. */
const MAX_CONNECTIONS = 64;
/** Time to send the whole handshake, in ms. */
const HANDSHAKE_TIME = 10_000;

/** What the listener proves, and what must be proved to it. */
export interface ListenerCredentials {
  /** PEM of the listener; required on anything but a loopback address. */
  cert?: string | Buffer;
  key?: string | Buffer;
  /** PEM of the authority that signs the certificates of control planes. */
  ca?: string | Buffer;
  controlPlanes: readonly AdmittedControlPlane[];
}

/** Where to listen, and for whom. */
export interface ListenerOptions {
  host: string;
  port: number;
  /** Asked at the start and by every `reload`. */
  credentials: () => Promise<ListenerCredentials>;
  agent: AgentApi;
  log: FastifyBaseLogger;
  limits?: Partial<SessionLimits>;
  clock?: Clock;
}

/** One control plane that was let in, and what it showed. */
interface Guest {
  caller: Caller;
  request: IncomingMessage;
  leaving: AbortController;
  ended: Promise<void>;
}

export interface Listener {
  port: number;
  /**
   * Takes new credentials; bad ones are refused and the old ones stay. Whoever is here by a token that is no good any
   * more has to go; a certificate is looked at when its owner comes.
   */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Listens until closed.
 * @throws InnkeeperError `invalid` when tokens would travel in clear, somebody need prove nothing, or nothing can listen
 */
export async function listenForControlPlanes(options: ListenerOptions): Promise<Listener> {
  const { host, port, log } = options;
  let known = checkedCredentials(await options.credentials(), host);
  const closing = new AbortController();
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const guests = new Set<Guest>();
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.maxMessageBytes,
    perMessageDeflate: false,
    handleProtocols: () => SUBPROTOCOL,
  });
  const server = webServer(known);
  const serve = (socket: WebSocket, caller: Caller, request: IncomingMessage) => {
    const clock = options.clock ?? systemClock;
    const child = log.child({ controlPlane: caller.name });
    const leaving = new AbortController();
    const signal = AbortSignal.any([closing.signal, leaving.signal]);
    const ended = runSession(socket, { agent: options.agent, caller, clock, limits, log: child, signal });
    const guest: Guest = { caller, request, leaving, ended: ended.finally(() => guests.delete(guest)) };
    guests.add(guest);
  };
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', (error) => log.debug({ err: error }, 'a handshake broke off'));
    const caller = admit(known.controlPlanes, request);
    if (!caller || !speaks(request)) {
      log.warn({ from: request.socket.remoteAddress, known: caller?.name }, 'a connection was refused');
      refuse(socket, caller ? '400 Bad Request' : '401 Unauthorized');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (open) => serve(open, caller, request));
  });
  await listen(server, host, port);
  // Makes each known as a receiver, so that events are kept for it until it first comes.
  for (const { name } of known.controlPlanes) await options.agent.acknowledge(name, 0);
  return {
    port: (server.address() as AddressInfo).port,
    async reload() {
      const fresh = checkedCredentials(await options.credentials(), host);
      if (server instanceof HttpsServer) server.setSecureContext(tlsOptions(fresh));
      known = fresh;
      sendAway(guests, fresh, log);
    },
    async close() {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all([...guests].map(({ ended }) => ended));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Those who would not be let in any more, or as somebody else. */
function sendAway(guests: Iterable<Guest>, { controlPlanes }: ListenerCredentials, log: FastifyBaseLogger) {
  for (const { caller, request, leaving } of guests) {
    const now = admit(controlPlanes, request);
    if (now?.name === caller.name && now.right === caller.right) continue;
    log.warn({ controlPlane: caller.name }, 'what it came with is no good any more; it has to go');
    leaving.abort();
  }
}

/** @throws InnkeeperError `invalid` when tokens would travel in clear, or somebody need prove nothing */
export function checkedCredentials(credentials: ListenerCredentials, host: string): ListenerCredentials {
  const { cert, ca, controlPlanes } = credentials;
  checkAdmitted(controlPlanes, cert !== undefined && ca !== undefined);
  if (cert !== undefined || isLoopback(host)) return credentials;
  const why = `Listening on ${host} needs a certificate and key: tokens never travel in clear.`;
  throw new InnkeeperError('invalid', why);
}

/** What TLS needs of them; whether a client's certificate is good is decided by admit: a token may be enough. */
export function tlsOptions({ cert, key, ca }: ListenerCredentials): SecureContextOptions {
  return { ...(cert ? { cert } : {}), ...(key ? { key } : {}), ...(ca ? { ca } : {}) };
}

function webServer(credentials: ListenerCredentials): Server {
  // Whether a certificate is good is decided by admit: a token alone may be enough for some.
  const tls =
    credentials.cert === undefined
      ? undefined
      : { ...tlsOptions(credentials), requestCert: true, rejectUnauthorized: false };
  const answer = (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(426, { connection: 'close', upgrade: 'websocket' }).end();
  };
  const timing = { headersTimeout: HANDSHAKE_TIME, requestTimeout: HANDSHAKE_TIME };
  const server = tls
    ? createHttpsServer({ ...tls, ...timing, handshakeTimeout: HANDSHAKE_TIME } as object, answer)
    : createHttpServer(timing, answer);
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    throw new InnkeeperError(
      'invalid',
      `Cannot listen on ${host}:${port}: ${(error as Error).message}`,
      {},
      error,
    );
  }
}

function speaks(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((protocol) => protocol.trim() === SUBPROTOCOL);
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
