// Serves DHCPv4 on a socket of one VNet: datagram in, look-up, answer out.
import type dgram from 'node:dgram';
import type { GuestDirectory, Limits, Log, ServedNetwork } from '../contract.ts';
import { DhcpService } from '../dhcp-service.ts';
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

export class Dhcp4Service extends DhcpService<Dhcp4Event> {
  /** Its socket is bound to port 67 and may broadcast. */
  constructor(network: ServedNetwork, directory: GuestDirectory, log: Log, limits: Limits) {
    super('DHCP', DHCP4_EVENTS, network, directory, log, limits);
  }

  protected answer(data: Buffer, _source: string, socket: dgram.Socket): void {
    const request = parseRequest(data);
    if (typeof request === 'string') {
      this.malformed();
      return;
    }
    const count = this.admit(request.mac);
    if (!count) return;
    const event = EVENT_BY_TYPE.get(request.messageType);
    if (event) count(event);
    const answer = respond(request, this.network, this.directory.byMac(this.network.vnetId, request.mac));
    if (answer.kind === 'silence') {
      if (answer.reason === 'unknown') count('unknown');
      else if (!COUNTED.has(answer.reason)) count('ignored');
      if (answer.reason === 'decline') this.#warnOfConflict(request.mac);
      return;
    }
    count(answer.kind);
    // A relay agent listens where servers do (RFC 2131, section 4.1).
    const port = request.giaddr === '0.0.0.0' ? CLIENT_PORT : SERVER_PORT;
    socket.send(encodeReply(answer.reply), port, answer.destination, this.sent(count));
  }

  /** Worth a line: somebody else answers at the guest's address, and the guest stays without one. */
  #warnOfConflict(mac: string): void {
    this.log.warn(
      { vnet: this.network.vnetId, mac },
      'a guest declined its address: another machine uses it',
    );
  }
}
