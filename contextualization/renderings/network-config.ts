// cloud-init's network configuration, version 2: every NIC by its MAC address, with fixed addresses.
import type { GuestAddress, GuestFacts, GuestNic } from '../guest-facts.ts';
import { toYaml, type YamlValue } from './yaml.ts';

/** Added per NIC to its default route's metric, so that NIC 0's is taken where several have one. */
const METRIC_STEP = 100;

/** The configuration as an object: `{version: 2, ethernets: {...}}`. */
export function networkConfigV2(facts: GuestFacts): { [key: string]: YamlValue } {
  return {
    version: 2,
    ethernets: Object.fromEntries(facts.nics.map((nic) => [`nic${nic.position}`, ethernet(nic)])),
  };
}

/** The file `network-config` of NoCloud. */
export function networkConfigFile(facts: GuestFacts): string {
  return toYaml(networkConfigV2(facts));
}

function ethernet(nic: GuestNic): { [key: string]: YamlValue } {
  const addresses = [nic.ipv4, nic.ipv6].filter((address) => address !== undefined);
  const routes = [...defaultRoute('0.0.0.0/0', nic.ipv4, nic), ...defaultRoute('::/0', nic.ipv6, nic)];
  const nameservers: { [key: string]: YamlValue } = {
    ...(nic.dnsServers.length > 0 && { addresses: nic.dnsServers }),
    ...(nic.searchDomains.length > 0 && { search: nic.searchDomains }),
  };
  return {
    match: { macaddress: nic.mac },
    mtu: nic.mtu,
    dhcp4: false,
    dhcp6: false,
    ...(addresses.length > 0 && {
      addresses: addresses.map((address) => `${address.address}/${address.prefixLength}`),
    }),
    ...(routes.length > 0 && { routes }),
    ...(Object.keys(nameservers).length > 0 && { nameservers }),
  };
}

/** `to` is written out: the word "default" is unknown to older cloud-init, and `gateway4` deprecated in newer. */
function defaultRoute(to: string, address: GuestAddress | undefined, nic: GuestNic): YamlValue[] {
  if (address?.gateway === undefined) return [];
  const metric = nic.position * METRIC_STEP;
  return [{ to, via: address.gateway, ...(metric > 0 && { metric }) }];
}
