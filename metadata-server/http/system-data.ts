// Our own dialect: /system-data/, one item per fact, and the initial password.
import type { GuestFacts, GuestNic } from '../../contextualization/guest-facts.ts';
import { type Answer, type MetadataRequest, notAllowed, reads, type Services } from './message.ts';
import { acceptPassword } from './password.ts';
import { answerFrom, type Items, items } from './tree.ts';

const PASSWORDS: ReadonlyMap<string, 'clear' | 'encrypted'> = new Map([
  ['initial-password', 'clear'],
  ['encrypted-initial-password', 'encrypted'],
]);

export function systemData(request: MetadataRequest, services: Services): Answer | Promise<Answer> {
  const how = PASSWORDS.get(request.path.join('/'));
  if (how) return reads(request) ? notAllowed('PUT', 'POST') : acceptPassword(request, services, how);
  if (!reads(request)) return notAllowed('GET', 'HEAD');
  return answerFrom(systemItems(request.guest.facts), request.path);
}

function systemItems(facts: GuestFacts): Items {
  return items([
    ['vserver-id', facts.vserverId],
    ['name', facts.name],
    ['hostname', facts.hostname],
    ['uuid', facts.uuid],
    ['instance-id', facts.instanceId],
    ['creator', facts.creator],
    ['create-time', facts.createTime],
    ['vserver-type', facts.vserverType],
    ['disk-image-id', facts.diskImageId],
    ['product-ids', lines(facts.productIds)],
    ['ssh-keys', lines(facts.sshKeys)],
    ['password-key', facts.passwordKey],
    ...facts.nics.flatMap(nicItems),
    ...Object.entries(facts.variables).map(([name, value]) => [`variables/${name}`, value] as const),
  ]);
}

function nicItems(nic: GuestNic): (readonly [string, string | undefined])[] {
  const below = `vnics/${nic.position}`;
  return [
    [`${below}/vnic-id`, nic.vnicId],
    [`${below}/vnet-id`, nic.vnetId],
    [`${below}/vnet-name`, nic.vnetName],
    [`${below}/mac`, nic.mac],
    [`${below}/mtu`, String(nic.mtu)],
    [`${below}/ipv4-address`, nic.ipv4?.address],
    [`${below}/ipv4-prefix-length`, nic.ipv4 && String(nic.ipv4.prefixLength)],
    [`${below}/ipv4-gateway`, nic.ipv4?.gateway],
    [`${below}/ipv6-address`, nic.ipv6?.address],
    [`${below}/ipv6-prefix-length`, nic.ipv6 && String(nic.ipv6.prefixLength)],
    [`${below}/ipv6-gateway`, nic.ipv6?.gateway],
    [`${below}/public-ipv4-address`, nic.publicIpv4],
    [`${below}/public-ipv6-address`, nic.publicIpv6],
    [`${below}/dns-servers`, lines(nic.dnsServers)],
    [`${below}/search-domains`, lines(nic.searchDomains)],
    [`${below}/ntp-servers`, lines(nic.ntpServers)],
  ];
}

/** One value a line; no item at all for an empty list. */
function lines(values: string[]): string | undefined {
  return values.length > 0 ? values.join('\n') : undefined;
}
