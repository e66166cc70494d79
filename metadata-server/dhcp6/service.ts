// Serves DHCPv6 on a socket of one VNet: datagram in, look-up, answer out.
import type dgram from 'node:dgram';
import type { GuestDirectory, Limits, Log, ServedNetwork } from '../contract.ts';
import { DhcpService } from '../dhcp-service.ts';
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

export class Dhcp6Service extends DhcpService<Dhcp6Event> {
  /** Its socket is bound to port 547 and listens to ff02::1:2. */
  constructor(network: ServedNetwork, directory: GuestDirectory, log: Log, limits: Limits) {
    super('DHCPv6', DHCP6_EVENTS, network, directory, log, limits);
  }

  protected answer(data: Buffer, source: string, socket: dgram.Socket): void {
    const message = parseMessage(data);
    const mac = macOf(source);
    if (!message || mac === undefined) {
      this.malformed();
      return;
    }
    const count = this.admit(mac);
    if (!count) return;
    const event = EVENT_BY_TYPE.get(message.type);
    if (event) count(event);
    const answer = respond6(message, this.network, this.directory.byMac(this.network.vnetId, mac));
    if (answer.kind === 'silence') {
      count(answer.reason === 'unknown' ? 'unknown' : 'ignored');
      return;
    }
    count(answer.kind);
    // With its zone, which the agent's namespace resolves to the same number.
    socket.send(answer.data, CLIENT_PORT, source, this.sent(count));
  }
}
