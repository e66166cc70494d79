// OpenStack's metadata documents; the same on a config drive and over HTTP.
import { ContextError } from '../errors.ts';
import type { GuestAddress, GuestFacts, GuestNic } from '../guest-facts.ts';
import { netmask } from './addresses.ts';
import { sorted } from './nocloud.ts';

/** `meta_data.json`. */
export function openStackMetaData(facts: GuestFacts): object {
  const keys = facts.sshKeys.map((data, index) => ({ name: `key-${index}`, type: 'ssh', data }));
  return {
    uuid: facts.uuid,
    name: facts.name,
    hostname: facts.hostname,
    launch_index: 0,
    availability_zone: 'innkeeper',
    project_id: facts.creator,
    devices: [],
    ...(keys.length > 0 && {
      keys,
      public_keys: Object.fromEntries(keys.map(({ name, data }) => [name, data])),
    }),
    meta: sorted(facts.variables),
  };
}

/** `network_data.json`: links (NICs), networks (their addresses) and services (resolvers). */
export function openStackNetworkData(facts: GuestFacts): object {
  return {
    links: facts.nics.map((nic) => ({
      id: linkId(nic),
      vif_id: nic.vnicId,
      type: 'phy',
      mtu: nic.mtu,
      ethernet_mac_address: nic.mac,
    })),
    networks: facts.nics.flatMap(networks),
    services: [...new Set(facts.nics.flatMap((nic) => nic.dnsServers))].map((address) => ({
      type: 'dns',
      address,
    })),
  };
}

/**
 * `vendor_data.json`: vendor data that is a JSON object stays as it is, other text becomes the value of
 * `cloud-init`, which is where cloud-init looks for it.
 * @throws ContextError `unsupported` for vendor data that is not text, which JSON cannot carry
 */
export function openStackVendorData(facts: GuestFacts): object {
  if (facts.vendorData.byteLength === 0) return {};
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(facts.vendorData);
  } catch {
    throw new ContextError('unsupported', 'OpenStack vendor data must be UTF-8 text; this is binary.');
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Not JSON: a script or cloud-config, wrapped below.
  }
  return { 'cloud-init': text };
}

function linkId(nic: GuestNic): string {
  return `nic${nic.position}`;
}

function networks(nic: GuestNic): object[] {
  const common = { link: linkId(nic), network_id: nic.vnetId };
  const { ipv4, ipv6 } = nic;
  const result: object[] = [];
  if (ipv4) {
    result.push({
      id: `${linkId(nic)}-ipv4`,
      ...common,
      type: 'ipv4',
      ip_address: ipv4.address,
      netmask: netmask(ipv4),
      routes: defaultRoute(ipv4, '0.0.0.0', '0.0.0.0'),
    });
  }
  if (ipv6) {
    result.push({
      id: `${linkId(nic)}-ipv6`,
      ...common,
      type: 'ipv6',
      ip_address: `${ipv6.address}/${ipv6.prefixLength}`,
      routes: defaultRoute(ipv6, '::', '::'),
    });
  }
  return result;
}

function defaultRoute(address: GuestAddress, network: string, mask: string): object[] {
  return address.gateway === undefined ? [] : [{ network, netmask: mask, gateway: address.gateway }];
}
