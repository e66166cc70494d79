// What DHCPv4 and DHCPv6 have in common as services of one VNet: the socket, who asked how often, and what is said of it.
import type dgram from 'node:dgram';
import type { GuestDirectory, Limits, Log, ServedNetwork } from './contract.ts';
import { type Counts, type DhcpClient, DhcpClients, noCounts } from './dhcp-clients.ts';
import { sendAtOnce } from './sockets/descriptors.ts';

/** Counted by both, whatever else each counts. */
export type CommonEvent = 'unknown' | 'malformed' | 'rateLimited' | 'ignored' | 'sendFailed';
/** Counts one event, for the VNet and for the client that caused it. */
export type Count<Event extends string> = (event: Event) => void;

export abstract class DhcpService<Event extends string> {
  protected readonly network: ServedNetwork;
  protected readonly directory: GuestDirectory;
  protected readonly log: Log;
  readonly #protocol: string;
  readonly #clients: DhcpClients<Event | CommonEvent>;
  readonly #counts: Counts<Event | CommonEvent>;
  readonly #complaints = new Set<string>();
  #socket: dgram.Socket | undefined;

  /** `protocol` is what the log calls it; `events` is everything that is counted, per VNet and per MAC. */
  constructor(
    protocol: string,
    events: readonly (Event | CommonEvent)[],
    network: ServedNetwork,
    directory: GuestDirectory,
    log: Log,
    limits: Limits,
  ) {
    this.#protocol = protocol;
    this.network = network;
    this.directory = directory;
    this.log = log;
    this.#clients = new DhcpClients(events, limits);
    this.#counts = noCounts(events);
  }

  /** Begins to answer on a socket that is bound in the VNet's namespace. */
  serve(socket: dgram.Socket): void {
    this.#socket = socket;
    sendAtOnce(socket);
    socket.on('message', (data, { address }) => {
      try {
        this.answer(data, address, socket);
      } catch (error) {
        // One guest's bad facts must not take the service from the others.
        this.#complain(error, `a ${this.#protocol} message could not be answered`);
      }
    });
    // ENXIO here: the interface has an index the agent's own namespace does not know (see ServedNetwork.device).
    socket.on('error', (error) => this.#complain(error, `the ${this.#protocol} socket failed`));
  }

  get counts(): Counts<Event | CommonEvent> {
    return { ...this.#counts };
  }

  get clients(): DhcpClient<Event | CommonEvent>[] {
    return this.#clients.list();
  }

  client(mac: string): DhcpClient<Event | CommonEvent> | undefined {
    return this.#clients.of(mac);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Answers one datagram from `source`, or not. */
  protected abstract answer(data: Buffer, source: string, socket: dgram.Socket): void;

  /** Counts what is not even a message, and so has no client. */
  protected malformed(): void {
    this.#counts.malformed++;
  }

  /** How to count for the client with that MAC; undefined if it asks too often, which is counted here. */
  protected admit(mac: string): Count<Event | CommonEvent> | undefined {
    const [client, allowed] = this.#clients.seen(mac, Date.now());
    const count = (event: Event | CommonEvent) => {
      this.#counts[event]++;
      client.counts[event]++;
    };
    if (allowed) return count;
    count('rateLimited');
    return undefined;
  }

  /** For a datagram that went out, or did not. */
  protected sent(count: Count<Event | CommonEvent>): (error: Error | null) => void {
    return (error) => {
      if (!error || !this.#socket) return;
      count('sendFailed');
      this.#complain(error, `a ${this.#protocol} answer could not be sent`);
    };
  }

  /** Once for each kind; what fails for one packet fails for every packet, and the counters tell how many. */
  #complain(error: unknown, what: string): void {
    if (this.#complaints.has(what)) return;
    this.#complaints.add(what);
    this.log.error({ vnet: this.network.vnetId, error }, what);
  }
}
