// Which public addresses lead to a VNet, as the host has to build it: from the inventory and the configuration alone.

import { providerOf } from '../../addressing/public.ts';
import type { Config } from '../../config/config.ts';
import type { Reader } from '../../guest/facts.ts';
import { type InetPlan, vnetNames } from '../../network/mod.ts';
import type { VNet } from '../../resources/vnet.ts';

/** Undefined while no VNIC of the VNet has a public address. */
export function inetPlan({ inet, prefix }: Config, reader: Reader, vnet: VNet): InetPlan | undefined {
  if (!inet) return undefined;
  const addresses = reader.list('publicip').flatMap(({ address, protocol, vnicId, busy }) => {
    // What is being detached has to be gone before its record says so.
    if (vnicId === undefined || busy === 'detaching') return [];
    const vnic = reader.get('vnic', vnicId);
    const inside = vnic?.vnetId === vnet.id ? vnic[protocol] : undefined;
    return inside && providerOf(inet, protocol) ? [{ public: address, inside }] : [];
  });
  if (addresses.length === 0) return undefined;
  const ipv4 = providerOf(inet, 'ipv4');
  const ipv6 = providerOf(inet, 'ipv6');
  return {
    bridge: inet.bridge ?? vnetNames(prefix, vnet.id).inetBridge,
    behindHost: inet.bridge === undefined,
    ...(ipv4 ? { ipv4 } : {}),
    ...(ipv6 ? { ipv6 } : {}),
    // The same inventory gives the same text, whatever the order it was read in.
    addresses: addresses.sort((a, b) => (a.public < b.public ? -1 : 1)),
  };
}
