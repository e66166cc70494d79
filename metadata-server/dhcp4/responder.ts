// What to answer to a DHCP message: a pure function of the message, the VNet and the guest's facts.
import type { Guest, ServedNetwork } from '../contract.ts';
import { METADATA_ADDRESS } from '../contract.ts';
import { broadcastOf, isIPv4, netmask, toNumber, toText } from './address.ts';
import {
  encodeWire,
  NAME_BY_CODE,
  OPTION_NAMES,
  OPTIONS,
  type OptionName,
  type OptionValues,
  type Route,
  readAddress,
} from './options.ts';
import { type DhcpReply, type DhcpRequest, joinPrepared, MESSAGE_TYPE, type Piece } from './packet.ts';

const PXE = Buffer.from('PXEClient');
const NOWHERE = '0.0.0.0';
const EVERYONE = '255.255.255.255';

/** Why there is no answer; each is a counter. */
export type Silence =
  | 'relayed'
  | 'unknown'
  | 'no-address'
  | 'other-server'
  | 'incomplete'
  | 'foreign-inform'
  | 'decline'
  | 'release'
  | 'other-type';

export type Answer =
  | { kind: 'offer' | 'ack' | 'nak'; reply: DhcpReply; destination: string }
  | { kind: 'silence'; reason: Silence };

/** Sent whether asked for or not: a lease is not a lease without them. In this order. */
const ALWAYS: readonly OptionName[] = [
  'messageType',
  'serverId',
  'leaseTime',
  'rapidCommit',
  'clientId',
  'subnetMask',
];
const NAK_ORDER: readonly OptionName[] = [
  'messageType',
  'serverId',
  'clientId',
  'message',
  'relayInformation',
];
/** What an INFORM must not be told (RFC 2131 section 4.3.5). */
const LEASE_TIMES: ReadonlySet<OptionName> = new Set<OptionName>([
  'leaseTime',
  'renewalTime',
  'rebindingTime',
]);

/** @param guest the owner of the message's hardware address in this VNet, if there is one */
export function respond(request: DhcpRequest, network: ServedNetwork, guest: Guest | undefined): Answer {
  if (request.giaddr !== NOWHERE && !network.relays?.includes(request.giaddr)) return silence('relayed');
  if (!guest) return silence('unknown');
  const own = guest.nic.ipv4?.address;
  if (own === undefined || !network.ipv4) return silence('no-address');
  switch (request.messageType) {
    case MESSAGE_TYPE.discover: {
      // RFC 4039: the only server of the VNet may commit at once when the client says it understands that.
      if (request.options.has(OPTIONS.rapidCommit.code))
        return lease('ack', request, network, guest, { rapidCommit: true });
      return lease('offer', request, network, guest);
    }
    case MESSAGE_TYPE.request:
      return answerRequest(request, network, guest, own);
    case MESSAGE_TYPE.inform:
      if (request.ciaddr !== own) return silence('foreign-inform');
      return lease('ack', request, network, guest, {}, true);
    case MESSAGE_TYPE.decline:
      return silence('decline');
    case MESSAGE_TYPE.release:
      return silence('release');
    default:
      return silence('other-type');
  }
}

function silence(reason: Silence): Answer {
  return { kind: 'silence', reason };
}

/** The four states of RFC 2131 section 4.3.2, told apart by which fields are filled in. */
function answerRequest(request: DhcpRequest, network: ServedNetwork, guest: Guest, own: string): Answer {
  const server = readAddress(request.options, 'serverId');
  const requested = readAddress(request.options, 'requestedAddress');
  // SELECTING: somebody's offer was taken.
  if (server !== undefined && server !== network.ipv4?.address) return silence('other-server');
  // SELECTING and INIT-REBOOT name the address in option 50, RENEWING and REBINDING in ciaddr.
  const wanted = requested ?? (request.ciaddr === NOWHERE ? undefined : request.ciaddr);
  if (wanted === undefined) return silence('incomplete');
  if (wanted !== own) return refuse(request, network, `${wanted} is not your address here`);
  return lease('ack', request, network, guest);
}

/** Always broadcast: a client that is refused its address must not be spoken to at it (RFC 2131 section 4.1). */
function refuse(request: DhcpRequest, network: ServedNetwork, message: string): Answer {
  const relayed = request.giaddr !== NOWHERE;
  const values: OptionValues = {
    ...relayInformation(request),
    messageType: MESSAGE_TYPE.nak,
    serverId: network.ipv4?.address,
    clientId: request.options.get(OPTIONS.clientId.code),
    message,
  };
  const reply = { request, ciaddr: NOWHERE, yiaddr: NOWHERE, siaddr: NOWHERE, order: NAK_ORDER, values };
  return { kind: 'nak', reply, destination: relayed ? request.giaddr : EVERYONE };
}

function lease(
  kind: 'offer' | 'ack',
  request: DhcpRequest,
  network: ServedNetwork,
  guest: Guest,
  extra: OptionValues = {},
  informed = false,
): Answer {
  const own = guest.nic.ipv4?.address ?? NOWHERE;
  const order = replyOrder(request, informed);
  const relayed = request.giaddr !== NOWHERE;
  // Only the guest's own address is ever echoed or sent to; any other ciaddr would be a place of its choosing.
  const ciaddr = request.ciaddr === own ? own : NOWHERE;
  const ready = preparedOptions(network, guest, order);
  const pxe = bootsFromNetwork(request) ? network.pxe : undefined;
  const reply: DhcpReply = {
    request,
    ciaddr,
    yiaddr: informed ? NOWHERE : own,
    siaddr: pxe?.server ?? network.ipv4?.address ?? NOWHERE,
    file: pxe?.file,
    order,
    values: {
      messageType: MESSAGE_TYPE[kind],
      clientId: request.options.get(OPTIONS.clientId.code),
      ...relayInformation(request),
      ...(pxe ? { bootServer: pxe.server, bootFile: pxe.file } : {}),
      ...extra,
    },
    prepared: ready.prepared,
    pieces: ready.pieces,
  };
  // A client without an address cannot be sent to by ARP, so it is sent to by broadcast, asked for or not.
  if (relayed) return { kind, reply, destination: request.giaddr };
  return { kind, reply, destination: ciaddr === NOWHERE ? EVERYONE : ciaddr };
}

/** Boot programs say so in option 60 (PXE specification 2.1, table 2-1); iPXE does, too. */
function bootsFromNetwork(request: DhcpRequest): boolean {
  const vendor = request.options.get(OPTIONS.vendorClass.code);
  return vendor?.subarray(0, PXE.length).equals(PXE) ?? false;
}

function relayInformation(request: DhcpRequest): OptionValues {
  if (request.giaddr === NOWHERE) return {};
  return { relayInformation: request.options.get(OPTIONS.relayInformation.code) };
}

interface Prepared {
  prepared: ReadonlyMap<OptionName, Buffer>;
  /** Of the order that was wished for last: a client always wishes for the same. */
  order: readonly OptionName[];
  pieces: readonly Piece[];
  network: ServedNetwork;
}

/**
 * What is the same in every answer to a guest, in wire form. Facts are never changed but replaced, so it is good for as
 * long as they are there; a network is served anew when something about it is different.
 */
const prepared = new WeakMap<Guest['nic'], Prepared>();
/** What `lease` puts into an answer beside it. */
const VARYING: ReadonlySet<OptionName> = new Set<OptionName>([
  'messageType',
  'clientId',
  'relayInformation',
  'bootServer',
  'bootFile',
  'rapidCommit',
]);

function preparedOptions(network: ServedNetwork, guest: Guest, order: readonly OptionName[]): Prepared {
  const known = prepared.get(guest.nic);
  const current = known?.network === network ? known : undefined;
  if (current?.order === order) return current;
  const options = current?.prepared ?? encodeLease(network, guest);
  const made = { network, prepared: options, order, pieces: joinPrepared(order, options, VARYING) };
  prepared.set(guest.nic, made);
  return made;
}

function encodeLease(network: ServedNetwork, guest: Guest): ReadonlyMap<OptionName, Buffer> {
  const values = leaseValues(network, guest);
  const options = new Map<OptionName, Buffer>();
  for (const name of Object.keys(values) as OptionName[]) {
    const wire = encodeWire(name, values);
    if (wire) options.set(name, wire);
  }
  return options;
}

function leaseValues(network: ServedNetwork, guest: Guest): OptionValues {
  const { nic, facts } = guest;
  const prefixLength = nic.ipv4?.prefixLength ?? network.ipv4?.prefixLength ?? 32;
  const [host, ...domain] = facts.hostname.split('.');
  const routes = classlessRoutes(network, guest);
  return {
    serverId: network.ipv4?.address,
    leaseTime: network.leaseSeconds,
    renewalTime: Math.floor(network.leaseSeconds / 2),
    rebindingTime: Math.floor((network.leaseSeconds * 7) / 8),
    subnetMask: toText(netmask(prefixLength)),
    broadcast: toText(broadcastOf(toNumber(nic.ipv4?.address ?? NOWHERE), prefixLength)),
    routers: nic.ipv4?.gateway === undefined ? undefined : [nic.ipv4.gateway],
    dnsServers: nic.dnsServers.filter(isIPv4),
    ntpServers: nic.ntpServers.filter(isIPv4),
    hostName: host,
    domainName: domain.length > 0 ? domain.join('.') : nic.searchDomains[0],
    domainSearch: nic.searchDomains,
    mtu: nic.mtu,
    classlessRoutes: routes,
    microsoftRoutes: routes,
  };
}

/** A client that takes option 121 ignores option 3, so the default route is told again (RFC 3442, page 5). */
function classlessRoutes(network: ServedNetwork, { nic }: Guest): Route[] {
  const routes: Route[] = [];
  if (network.ipv4)
    routes.push({ destination: METADATA_ADDRESS, prefixLength: 32, router: network.ipv4.address });
  if (nic.ipv4?.gateway) routes.push({ destination: NOWHERE, prefixLength: 0, router: nic.ipv4.gateway });
  return routes;
}

/** Lists of wishes seen, each with its order: clients of a kind ask for the same. */
const orders = new Map<string, readonly OptionName[]>();
const MOST_ORDERS = 256;

/** The client's own order of preference; without a list, everything there is, by code. Who only informs itself has no lease. */
function replyOrder(request: DhcpRequest, informed: boolean): readonly OptionName[] {
  const asked = request.options.get(OPTIONS.parameterList.code);
  const key = `${informed} ${asked?.toString('latin1') ?? 'everything'}`;
  const known = orders.get(key);
  if (known) return known;
  const wanted = asked ? [...asked].map((code) => NAME_BY_CODE.get(code)) : OPTION_NAMES;
  const order = new Set(ALWAYS);
  for (const name of wanted) if (name) order.add(name);
  // Last of all (RFC 3046, section 2.2).
  order.delete('relayInformation');
  if (informed) for (const name of LEASE_TIMES) order.delete(name);
  const made: readonly OptionName[] = [...order, 'relayInformation'];
  // A guest may invent lists; room is made for those that others still use.
  if (orders.size >= MOST_ORDERS) orders.clear();
  orders.set(key, made);
  return made;
}
