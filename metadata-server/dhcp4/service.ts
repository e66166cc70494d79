// Serves DHCPv4 on a socket of one VNet: datagram in, look-up, answer out.
import type dgram from 'node:dgram';
import type { GuestDirectory, Limits, Log, ServedNetwork } from '../contract.ts';
import { type Counts, type DhcpClient, DhcpClients, noCounts } from '../dhcp-clients.ts';
import { encodeReply, MESSAGE_TYPE, parseRequest } from './packet.ts';
import { respond, type Silence } from './responder.ts';

const CLIENT_PORT = 68;
const SERVER_PORT = 67;
/** Everything that is counted, per VNet and per MAC. */
export const DHCP4_EVENTS = [
  'discover',
  'request',
  'inform',
  'decline',
  'release',
  'offer',
  'ack',
  'nak',
  'unknown',
  'malformed',
  'rateLimited',
  'ignored',
  'sendFailed',
] as const;
export type Dhcp4Event = (typeof DHCP4_EVENTS)[number];
const EVENT_BY_TYPE: ReadonlyMap<number, Dhcp4Event> = new Map([
  [MESSAGE_TYPE.discover, 'discover'],
  [MESSAGE_TYPE.request, 'request'],
  [MESSAGE_TYPE.inform, 'inform'],
  [MESSAGE_TYPE.decline, 'decline'],
  [MESSAGE_TYPE.release, 'release'],
]);
/** Silences that have their own counter already, by message type. */
const COUNTED: ReadonlySet<Silence> = new Set<Silence>(['decline', 'release']);

export class Dhcp4Service {
  readonly #network: ServedNetwork;
  readonly #directory: GuestDirectory;
  readonly #log: Log;
  readonly #clients: DhcpClients<Dhcp4Event>;
  readonly #counts = noCounts(DHCP4_EVENTS);
  #socket: dgram.Socket | undefined;

  constructor(network: ServedNetwork, directory: GuestDirectory, log: Log, limits: Limits) {
    this.#network = network;
    this.#directory = directory;
    this.#log = log;
    this.#clients = new DhcpClients(DHCP4_EVENTS, limits);
  }

  /** Begins to answer. The socket is bound to port 67 in the VNet's namespace and may broadcast. */
  serve(socket: dgram.Socket): void {
    this.#socket = socket;
    socket.on('message', (data) => {
      try {
        this.#receive(data, socket);
      } catch (error) {
        // One guest's bad facts must not take the service from the others.
        this.#log.error({ vnet: this.#network.vnetId, error }, 'a DHCP message could not be answered');
      }
    });
    socket.on('error', (error) =>
      this.#log.error({ vnet: this.#network.vnetId, error }, 'DHCP socket failed'),
    );
  }

  get counts(): Counts<Dhcp4Event> {
    return { ...this.#counts };
  }

  get clients(): DhcpClient<Dhcp4Event>[] {
    return this.#clients.list();
  }

  client(mac: string): DhcpClient<Dhcp4Event> | undefined {
    return this.#clients.of(mac);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  #receive(data: Buffer, socket: dgram.Socket): void {
    const request = parseRequest(data);
    if (typeof request === 'string') {
      this.#counts.malformed++;
      return;
    }
    const [client, allowed] = this.#clients.seen(request.mac, Date.now());
    const count = (event: Dhcp4Event) => {
      this.#counts[event]++;
      client.counts[event]++;
    };
    if (!allowed) {
      count('rateLimited');
      return;
    }
    const event = EVENT_BY_TYPE.get(request.messageType);
    if (event) count(event);
    const answer = respond(request, this.#network, this.#directory.byMac(this.#network.vnetId, request.mac));
    if (answer.kind === 'silence') {
      if (answer.reason === 'unknown') count('unknown');
      else if (!COUNTED.has(answer.reason)) count('ignored');
      if (answer.reason === 'decline') this.#warnOfConflict(request.mac);
      return;
    }
    count(answer.kind);
    // A relay agent listens where servers do (RFC 2131, section 4.1).
    const port = request.giaddr === '0.0.0.0' ? CLIENT_PORT : SERVER_PORT;
    socket.send(encodeReply(answer.reply), port, answer.destination, (error) => {
      if (error && this.#socket) this.#sendFailed(error, count);
    });
  }

  /** Worth a line: somebody else answers at the guest's address, and the guest stays without one. */
  #warnOfConflict(mac: string): void {
    this.#log.warn(
      { vnet: this.#network.vnetId, mac },
      'a guest declined its address: another machine uses it',
    );
  }

  /** Only the first failure is logged; a missing route fails every packet, and the counter tells how many. */
  #sendFailed(error: Error, count: (event: Dhcp4Event) => void): void {
    if (this.#counts.sendFailed === 0) {
      this.#log.error({ vnet: this.#network.vnetId, error }, 'a DHCP answer could not be sent');
    }
    count('sendFailed');
  }
}
