// Serves DHCPv6 on a socket of one VNet: datagram in, look-up, answer out.
import type dgram from 'node:dgram';
import type { GuestDirectory, Limits, Log, ServedNetwork } from '../contract.ts';
import { type Counts, type DhcpClient, DhcpClients, noCounts } from '../dhcp-clients.ts';
import { macOf } from './address.ts';
import { MESSAGE6, parseMessage } from './message.ts';
import { respond6 } from './responder.ts';

const CLIENT_PORT = 546;
export const DHCP6_EVENTS = [
  'solicit',
  'request',
  'confirm',
  'renew',
  'rebind',
  'release',
  'decline',
  'information',
  'advertise',
  'reply',
  'unknown',
  'malformed',
  'rateLimited',
  'ignored',
  'sendFailed',
] as const;
export type Dhcp6Event = (typeof DHCP6_EVENTS)[number];
const EVENT_BY_TYPE: ReadonlyMap<number, Dhcp6Event> = new Map(
  Object.entries(MESSAGE6)
    .filter(([name]) => name !== 'advertise' && name !== 'reply')
    .map(([name, type]) => [type, name as Dhcp6Event]),
);

export class Dhcp6Service {
  readonly #network: ServedNetwork;
  readonly #directory: GuestDirectory;
  readonly #log: Log;
  readonly #clients: DhcpClients<Dhcp6Event>;
  readonly #counts = noCounts(DHCP6_EVENTS);
  #socket: dgram.Socket | undefined;
  #complained = false;

  constructor(network: ServedNetwork, directory: GuestDirectory, log: Log, limits: Limits) {
    this.#network = network;
    this.#directory = directory;
    this.#log = log;
    this.#clients = new DhcpClients(DHCP6_EVENTS, limits);
  }

  /** Begins to answer. The socket is bound to port 547 in the VNet's namespace and listens to ff02::1:2. */
  serve(socket: dgram.Socket): void {
    this.#socket = socket;
    socket.on('message', (data, { address }) => {
      try {
        this.#receive(data, address, socket);
      } catch (error) {
        this.#complain(error, 'a DHCPv6 message could not be answered');
      }
    });
    // ENXIO here: the interface has an index the agent's own namespace does not know (see ServedNetwork.device).
    socket.on('error', (error) => this.#complain(error, 'DHCPv6 socket failed'));
  }

  get counts(): Counts<Dhcp6Event> {
    return { ...this.#counts };
  }

  get clients(): DhcpClient<Dhcp6Event>[] {
    return this.#clients.list();
  }

  client(mac: string): DhcpClient<Dhcp6Event> | undefined {
    return this.#clients.of(mac);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  #receive(data: Buffer, source: string, socket: dgram.Socket): void {
    const message = parseMessage(data);
    const mac = macOf(source);
    if (!message || mac === undefined) {
      this.#counts.malformed++;
      return;
    }
    const [client, allowed] = this.#clients.seen(mac, Date.now());
    const count = (event: Dhcp6Event) => {
      this.#counts[event]++;
      client.counts[event]++;
    };
    if (!allowed) {
      count('rateLimited');
      return;
    }
    const event = EVENT_BY_TYPE.get(message.type);
    if (event) count(event);
    const answer = respond6(message, this.#network, this.#directory.byMac(this.#network.vnetId, mac));
    if (answer.kind === 'silence') {
      count(answer.reason === 'unknown' ? 'unknown' : 'ignored');
      return;
    }
    count(answer.kind);
    // With its zone, which the agent's namespace resolves to the same number.
    socket.send(answer.data, CLIENT_PORT, source, (error) => {
      if (!error || !this.#socket) return;
      count('sendFailed');
      this.#complain(error, 'a DHCPv6 answer could not be sent');
    });
  }

  /** Once; what fails for one packet fails for every packet, and the counters tell how many. */
  #complain(error: unknown, message: string): void {
    if (this.#complained) return;
    this.#complained = true;
    this.#log.error({ vnet: this.#network.vnetId, error }, message);
  }
}
