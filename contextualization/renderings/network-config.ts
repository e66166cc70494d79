// cloud-init's network configuration, version 2: every NIC by its MAC address, with fixed addresses.
import type { GuestFacts, GuestNic } from '../guest-facts.ts';
import { toYaml, type YamlValue } from './yaml.ts';

/**
 * The configuration as an object: `{version: 2, ethernets: {...}}`. Only the first NIC that has a gateway becomes
 * the default route of its address family: two default routes are taken at random by some guests.
 */
export function networkConfigV2(facts: GuestFacts): { [key: string]: YamlValue } {
  const way4 = facts.nics.find((nic) => nic.ipv4?.gateway !== undefined);
  const way6 = facts.nics.find((nic) => nic.ipv6?.gateway !== undefined);
  return {
    version: 2,
    ethernets: Object.fromEntries(
      facts.nics.map((nic) => [`eth${nic.position}`, ethernet(nic, nic === way4, nic === way6)]),
    ),
  };
}

/** The file `network-config` of NoCloud. */
export function networkConfigFile(facts: GuestFacts): string {
  return toYaml(networkConfigV2(facts));
}

/**
 * `set-name` is needed by the renderers for ifupdown, sysconfig and networkd, which otherwise take the key for the
 * device's name. `gateway4` and `gateway6` are the old way to say it, but cloud-init 22.4 makes a route to `::/0`
 * into one to `::/64`.
 */
function ethernet(nic: GuestNic, gateway4: boolean, gateway6: boolean): { [key: string]: YamlValue } {
  const addresses = [nic.ipv4, nic.ipv6].filter((address) => address !== undefined);
  const nameservers: { [key: string]: YamlValue } = {
    ...(nic.dnsServers.length > 0 && { addresses: nic.dnsServers }),
    ...(nic.searchDomains.length > 0 && { search: nic.searchDomains }),
  };
  return {
    match: { macaddress: nic.mac },
    'set-name': `eth${nic.position}`,
    mtu: nic.mtu,
    dhcp4: false,
    dhcp6: false,
    ...(addresses.length > 0 && {
      addresses: addresses.map((address) => `${address.address}/${address.prefixLength}`),
    }),
    ...(gateway4 && { gateway4: nic.ipv4?.gateway ?? '' }),
    ...(gateway6 && { gateway6: nic.ipv6?.gateway ?? '' }),
    ...(Object.keys(nameservers).length > 0 && { nameservers }),
  };
}
