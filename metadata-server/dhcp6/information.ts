// The options that are not about addresses: resolvers, search domains, time servers.
import type { GuestNic } from '../../contextualization/guest-facts.ts';
import { toOctets } from './address.ts';
import { find, type Message6, OPTION6, option } from './message.ts';

const NTP_SERVER_ADDRESS = 1;

/** What the client's option request names; without one, resolvers and search domains. */
export function informationOptions(message: Message6, nic: GuestNic): Buffer[] {
  const wanted = requestedCodes(message);
  const dns = nic.dnsServers.filter(isIPv6).map(toOctets);
  const ntp = nic.ntpServers.filter(isIPv6).map(toOctets);
  const answers: Buffer[] = [];
  if (wanted.has(OPTION6.dnsServers) && dns.length > 0) answers.push(option(OPTION6.dnsServers, ...dns));
  const domains = nic.searchDomains.flatMap(encodeDomain);
  if (wanted.has(OPTION6.domainList) && domains.length > 0)
    answers.push(option(OPTION6.domainList, ...domains));
  if (wanted.has(OPTION6.sntpServers) && ntp.length > 0) answers.push(option(OPTION6.sntpServers, ...ntp));
  if (wanted.has(OPTION6.ntpServers) && ntp.length > 0) {
    answers.push(option(OPTION6.ntpServers, ...ntp.map((address) => option(NTP_SERVER_ADDRESS, address))));
  }
  return answers;
}

function requestedCodes(message: Message6): ReadonlySet<number> {
  const list = find(message.options, OPTION6.requested);
  if (!list) return new Set([OPTION6.dnsServers, OPTION6.domainList]);
  return new Set(Array.from({ length: list.length >> 1 }, (_, i) => list.readUInt16BE(i * 2)));
}

const isIPv6 = (address: string) => address.includes(':');

/** RFC 1035 form, never compressed (RFC 8415 section 10); nothing for a name the DNS cannot have. */
export function encodeDomain(domain: string): Buffer[] {
  const labels = domain.replace(/\.$/, '').split('.');
  if (labels.some((label) => label === '' || Buffer.byteLength(label) > 63)) return [];
  return [
    ...labels.flatMap((label) => [Buffer.of(Buffer.byteLength(label)), Buffer.from(label)]),
    Buffer.of(0),
  ];
}
