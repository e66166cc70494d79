// What to answer to a DHCPv6 message: a pure function of the message, the VNet and the guest's facts.
import { createHash } from 'node:crypto';
import type { Guest, ServedNetwork } from '../contract.ts';
import { toOctets } from './address.ts';
import { informationOptions } from './information.ts';
import {
  encodeMessage,
  find,
  MESSAGE6,
  type Message6,
  OPTION6,
  option,
  parseOptions,
  STATUS,
  statusOption,
  u32,
} from './message.ts';

export type Silence6 =
  | 'unknown'
  | 'no-client-id'
  | 'other-server'
  | 'misplaced-server-id'
  | 'incomplete'
  | 'other-type';
export type Answer6 = { kind: 'advertise' | 'reply'; data: Buffer } | { kind: 'silence'; reason: Silence6 };

/** Messages to one server only, which must name it, and messages to any, which must not (RFC 8415 section 16). */
const TO_ONE: ReadonlySet<number> = new Set([
  MESSAGE6.request,
  MESSAGE6.renew,
  MESSAGE6.release,
  MESSAGE6.decline,
]);
const TO_ANY: ReadonlySet<number> = new Set([MESSAGE6.solicit, MESSAGE6.confirm, MESSAGE6.rebind]);
const IA_HEAD = 12;
const MOST_PREFERRED = 255;

/** DUID-UUID (RFC 6355), the same for a VNet wherever and whenever it is served. */
export function serverDuid(vnetId: string): Buffer {
  return Buffer.concat([Buffer.of(0, 4), createHash('sha256').update(vnetId).digest().subarray(0, 16)]);
}

/** @param guest the owner of the hardware address in the message's source address, if there is one */
export function respond6(message: Message6, network: ServedNetwork, guest: Guest | undefined): Answer6 {
  if (!guest) return silence('unknown');
  const duid = serverDuid(network.vnetId);
  const refused = addressed(message, duid);
  if (refused) return silence(refused);
  const body = answerBody(message, network, guest);
  if (!Array.isArray(body)) return silence(body);
  const clientId = find(message.options, OPTION6.clientId);
  const commits = find(message.options, OPTION6.rapidCommit) !== undefined;
  const kind = message.type === MESSAGE6.solicit && !commits ? 'advertise' : 'reply';
  const head = [option(OPTION6.serverId, duid)];
  if (clientId) head.push(option(OPTION6.clientId, clientId));
  if (message.type === MESSAGE6.solicit) {
    head.push(commits ? option(OPTION6.rapidCommit) : option(OPTION6.preference, Buffer.of(MOST_PREFERRED)));
  }
  return { kind, data: encodeMessage(MESSAGE6[kind], message.transaction, [...head, ...body]) };
}

function silence(reason: Silence6): Answer6 {
  return { kind: 'silence', reason };
}

function addressed(message: Message6, duid: Buffer): Silence6 | undefined {
  const server = find(message.options, OPTION6.serverId);
  if (message.type === MESSAGE6.information)
    return server && !server.equals(duid) ? 'other-server' : undefined;
  if (!find(message.options, OPTION6.clientId)) return 'no-client-id';
  if (TO_ANY.has(message.type)) return server ? 'misplaced-server-id' : undefined;
  if (!TO_ONE.has(message.type)) return 'other-type';
  return server?.equals(duid) ? undefined : 'other-server';
}

/** Options that answer the message, after the ids; or why there is none. */
function answerBody(message: Message6, network: ServedNetwork, guest: Guest): Buffer[] | Silence6 {
  switch (message.type) {
    case MESSAGE6.confirm:
      return confirm(message, guest);
    case MESSAGE6.release:
    case MESSAGE6.decline:
      return [statusOption(STATUS.success, 'noted')];
    case MESSAGE6.information:
      return informationOptions(message, guest.nic);
    default:
      return [...associations(message, network, guest), ...informationOptions(message, guest.nic)];
  }
}

/** Is the client still where its address is good? Without an address in it nothing can be said (section 18.3.3). */
function confirm(message: Message6, guest: Guest): Buffer[] | Silence6 {
  const claimed = message.options
    .filter(({ code }) => code === OPTION6.iaNa)
    .flatMap(({ value }) => addressesIn(value));
  if (claimed.length === 0) return 'incomplete';
  const own = guest.nic.ipv6 && toOctets(guest.nic.ipv6.address);
  const good = own !== undefined && claimed.every((address) => address.equals(own));
  return [good ? statusOption(STATUS.success, 'yours') : statusOption(STATUS.notOnLink, 'not yours here')];
}

/** The one address goes to the first association; a claim to any other is ended (lifetimes 0). */
function associations(message: Message6, network: ServedNetwork, guest: Guest): Buffer[] {
  const own = guest.nic.ipv6 && toOctets(guest.nic.ipv6.address);
  const lease = network.leaseSeconds;
  let free = own;
  const answers: Buffer[] = [];
  for (const { code, value } of message.options) {
    if (code === OPTION6.iaPd && value.length >= IA_HEAD) {
      const none = statusOption(STATUS.noPrefixes, 'no prefixes are delegated here');
      answers.push(option(OPTION6.iaPd, value.subarray(0, 4), u32(0), u32(0), none));
    }
    if (code !== OPTION6.iaNa || value.length < IA_HEAD) continue;
    const stale = addressesIn(value).filter((address) => !free || !address.equals(free));
    const ended = stale.map((address) => option(OPTION6.iaAddress, address, u32(0), u32(0)));
    const given = free
      ? option(OPTION6.iaAddress, free, u32(lease), u32(lease))
      : statusOption(STATUS.noAddresses, 'no address for this association');
    const times = free ? [u32(lease * 0.5), u32(lease * 0.8)] : [u32(0), u32(0)];
    answers.push(option(OPTION6.iaNa, value.subarray(0, 4), ...times, given, ...ended));
    free = undefined;
  }
  return answers;
}

/** Addresses inside an IA_NA, 16 octets each. */
function addressesIn(iaNa: Buffer): Buffer[] {
  if (iaNa.length < IA_HEAD) return [];
  return (parseOptions(iaNa.subarray(IA_HEAD)) ?? [])
    .filter(({ code, value }) => code === OPTION6.iaAddress && value.length >= 24)
    .map(({ value }) => value.subarray(0, 16));
}
