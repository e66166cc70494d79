// Serves HTTP on the listening sockets of one VNet: who is asking, may they, which dialect, answer.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import net from 'node:net';
import type { Guest, Limits, Log, ServedNetwork } from '../contract.ts';
import { macOf } from '../dhcp6/address.ts';
import { BACKLOG } from '../sockets/messages.ts';
import { Admission } from './admission.ts';
import { readBody } from './body.ts';
import { endBrokenConnection } from './client-errors.ts';
import { pathOf, remoteAddress } from './connection.ts';
import { allowedHosts, refuse } from './guard.ts';
import { GuestCounts, type GuestHttpCounts, type GuestHttpEvent } from './guest-counts.ts';
import {
  type Answer,
  type Dialect,
  type MetadataRequest,
  type Method,
  type Services,
  text,
} from './message.ts';
import { send } from './send.ts';

const CONNECTION_CHECK_MS = 1_000;
const NO_BODY = Buffer.alloc(0);
/** What a dialect says of a body: not as it must be, there is one already, too long. */
const REFUSALS: ReadonlySet<number> = new Set([400, 409, 413]);
const STRANGER =
  'HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 16\r\nConnection: close\r\n\r\nunknown address\n';

export interface HttpCounts {
  /** Requests answered by a dialect, whatever the status. */
  requests: number;
  /** Connections from addresses that no VNIC of the VNet has. */
  strangers: number;
  /** The rest as in GuestHttpCounts, of all guests together. */
  refused: number;
  unauthorized: number;
  malformed: number;
  slow: number;
  rateLimited: number;
  tooManyConnections: number;
  failed: number;
  /** Open now. */
  connections: number;
}

/** Picks the dialect for a path; undefined is 404. */
export type Router = (path: string[]) => Dialect | undefined;

export class HttpService {
  readonly #network: ServedNetwork;
  readonly #services: Services;
  readonly #log: Log;
  readonly #limits: Limits;
  readonly #hosts: ReadonlySet<string>;
  readonly #admission: Admission;
  readonly #guests = new GuestCounts();
  readonly #servers = new Map<string, Server>();
  /** Of each admitted connection; asking a socket every time costs more than all else. */
  readonly #addresses = new WeakMap<net.Socket, string>();
  /** Further handles of the same sockets. */
  readonly #helpers: net.Server[] = [];
  readonly #counts = {
    requests: 0,
    strangers: 0,
    refused: 0,
    unauthorized: 0,
    malformed: 0,
    slow: 0,
    rateLimited: 0,
    tooManyConnections: 0,
    failed: 0,
  };

  constructor(network: ServedNetwork, services: Services, log: Log, limits: Limits) {
    this.#network = network;
    this.#services = services;
    this.#log = log;
    this.#limits = limits;
    this.#hosts = allowedHosts(network);
    this.#admission = new Admission(limits);
  }

  /** Begins to answer on a listening socket; connections waiting in its backlog are answered too. */
  serve(name: string, listener: net.Server, router: Router): void {
    const present = this.#servers.get(name);
    if (present) {
      this.#help(present, listener);
      return;
    }
    const limits = this.#limits;
    const server = createServer({
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: CONNECTION_CHECK_MS,
      // HTTP/1.0 may do without; the guard, which counts, sees to 1.1.
      requireHostHeader: false,
      insecureHTTPParser: false,
    });
    server.on('connection', (socket: net.Socket) => this.#connected(socket));
    server.on('request', (request, response) => this.#requested(request, response, router));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      const event = endBrokenConnection(error, socket);
      const address = remoteAddress(socket as net.Socket);
      if (event) this.#count(event, address === undefined ? undefined : this.#guest(address));
    });
    server.on('error', (error) =>
      this.#log.error({ vnet: this.#network.vnetId, error }, 'HTTP socket failed'),
    );
    // Without the number Node would set a shorter queue than the socket came with.
    server.listen(listener, BACKLOG);
    this.#servers.set(name, server);
  }

  /** A further handle of a socket that is served already: what it accepts goes to the same server. */
  #help(server: Server, listener: net.Server): void {
    const helper = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      server.emit('connection', socket);
    });
    this.#helpers.push(helper.listen(listener, BACKLOG));
  }

  get counts(): HttpCounts {
    return { ...this.#counts, connections: this.#admission.connections };
  }

  /** Of one guest; undefined until it has connected. */
  countsOf(mac: string): GuestHttpCounts | undefined {
    return this.#guests.of(mac);
  }

  /**
   * Stops listening and ends every connection: those that wait for nothing at once, the others when they have their
   * answer, or after so many milliseconds.
   */
  async close(graceMs = 0): Promise<void> {
    const servers = [...this.#servers.values()];
    const closed = Promise.all(
      servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
    for (const helper of this.#helpers) helper.close();
    this.#servers.clear();
    const late = setTimeout(() => {
      for (const server of servers) server.closeAllConnections();
    }, graceMs);
    await closed;
    clearTimeout(late);
  }

  #connected(socket: net.Socket): void {
    const address = remoteAddress(socket);
    const guest = address === undefined ? undefined : this.#guest(address);
    if (address === undefined || !guest) {
      this.#counts.strangers++;
      socket.end(STRANGER, () => socket.destroy());
      return;
    }
    const now = Date.now();
    this.#guests.seen(guest.nic.mac, now);
    if (!this.#admission.connect(address, now)) {
      this.#count('tooManyConnections', guest);
      socket.destroy();
      return;
    }
    this.#addresses.set(socket, address);
    // Whoever reads one octet a second is not idle; this ends it all the same.
    const end = setTimeout(() => socket.destroy(), this.#limits.connectionMs);
    end.unref();
    socket.once('close', () => {
      clearTimeout(end);
      this.#admission.disconnect(address);
    });
  }

  #count(event: GuestHttpEvent, guest: Guest | undefined): void {
    this.#counts[event]++;
    if (guest) this.#guests.count(guest.nic.mac, event);
  }

  /** A guest that has just booted asks from its link-local address: only the MAC's own passes its port. */
  #guest(address: string): Guest | undefined {
    if (address.startsWith('fe80:')) {
      const mac = macOf(address);
      return mac === undefined ? undefined : this.#services.directory.byMac(this.#network.vnetId, mac);
    }
    return this.#services.directory.byAddress(this.#network.vnetId, address);
  }

  /** Whatever can be answered at once is, without a promise: that is nearly everything, and half of the time. */
  #requested(request: IncomingMessage, response: ServerResponse, router: Router): void {
    try {
      const answer = this.#answer(request, router);
      if (!(answer instanceof Promise)) this.#finish(request, response, answer);
      else {
        const finished = answer.then((late) => this.#finish(request, response, late));
        finished.catch((error) => this.#failed(request, response, error));
      }
    } catch (error) {
      this.#failed(request, response, error);
    }
  }

  /** No answer when the caller is nobody any more: the VServer went while its connection stayed. */
  #finish(request: IncomingMessage, response: ServerResponse, answer: Answer | undefined): void {
    if (answer) this.#send(request, response, answer);
    else request.socket.destroy();
  }

  #failed(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (request.destroyed && !request.complete) return;
    this.#counts.failed++;
    this.#log.error(
      { vnet: this.#network.vnetId, url: request.url, error },
      'a request could not be answered',
    );
    if (!response.headersSent) this.#send(request, response, text('internal error\n', 500));
  }

  /** Only who does not read its answer is timed: a time for every request costs each of them more than its look-up. */
  #send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    send(request, response, answer);
    const { socket } = request;
    if (socket.writableLength > 0) socket.setTimeout(this.#limits.requestMs);
  }

  #answer(request: IncomingMessage, router: Router): Answer | undefined | Promise<Answer> {
    const address = this.#addresses.get(request.socket);
    const guest = address === undefined ? undefined : this.#guest(address);
    if (address === undefined || !guest) return undefined;
    if (!this.#admission.request(address, Date.now())) {
      this.#count('rateLimited', guest);
      return text('too many requests\n', 429, { 'Retry-After': '1' });
    }
    const refusal = refuse(request, this.#hosts);
    if (refusal) {
      this.#count('refused', guest);
      return refusal;
    }
    const path = pathOf(request.url ?? '/');
    const dialect = router(path);
    this.#count('requests', guest);
    if (!dialect) return text('not found\n', 404);
    const method = request.method as Method;
    const header = (name: string) => request.headers[name];
    const asked = { method, path, header, body: NO_BODY, guest };
    if (method === 'PUT' || method === 'POST') return this.#answerBody(request, asked, dialect);
    const answer = dialect(asked, this.#services);
    return answer instanceof Promise ? answer : this.#counted(answer, guest);
  }

  async #answerBody(request: IncomingMessage, asked: MetadataRequest, dialect: Dialect): Promise<Answer> {
    const body = await readBody(request, this.#limits.bodyBytes);
    if (!body) {
      this.#count('refused', asked.guest);
      return text(`a body has at most ${this.#limits.bodyBytes} bytes\n`, 413);
    }
    const answer = await dialect({ ...asked, body }, this.#services);
    if (REFUSALS.has(answer.status)) this.#count('refused', asked.guest);
    return this.#counted(answer, asked.guest);
  }

  #counted(answer: Answer, guest: Guest): Answer {
    if (answer.status === 401) this.#count('unauthorized', guest);
    return answer;
  }
}
