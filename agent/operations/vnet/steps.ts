// Steps that making and removing a VNet share.

import type { ServedNetwork } from '../../../metadata-server/mod.ts';
import type { Host } from '../../host.ts';
import { GATEWAY_DEVICE, vnetNames } from '../../network/mod.ts';
import type { VNet } from '../../resources/vnet.ts';
import type { Step } from '../kind.ts';
import { vnetPlan } from '../machine.ts';

export interface VNetStepPlan {
  vnetId: string;
}

/** Bridge, namespace, addresses and rules. */
export const layNetwork: Step<VNetStepPlan> = {
  name: 'lay-network',
  run: ({ host, plan }) =>
    host.network.ensureVNet(vnetPlan(host.config, host.inventory.get('vnet', plan.vnetId)!, host.inventory)),
  undo: ({ host, plan }) => removeNetwork(host, plan),
};

/** DHCP and the configuration service, the latter first. */
export const openServices: Step<VNetStepPlan> = {
  name: 'open-services',
  run: ({ host, plan }) =>
    host.metadata.add(servedNetwork(host.config, host.inventory.get('vnet', plan.vnetId)!)),
  undo: ({ host, plan }) => host.metadata.remove(plan.vnetId),
};

export function removeNetwork(host: Host, plan: VNetStepPlan): Promise<void> {
  const vnet = host.inventory.get('vnet', plan.vnetId);
  return host.network.removeVNet(vnet ? vnetPlan(host.config, vnet, host.inventory) : plan.vnetId);
}

/** What the metadata server needs to know of a VNet. */
export function servedNetwork(config: Host['config'], vnet: VNet): ServedNetwork {
  const { namespace } = vnetNames(config.prefix, vnet.id);
  const { pxe_server: server, pxe_file: file } = config.network;
  return {
    vnetId: vnet.id,
    namespace,
    device: GATEWAY_DEVICE,
    ...(vnet.ipv4 ? { ipv4: { address: vnet.ipv4.gateway, prefixLength: vnet.ipv4.prefixLength } } : {}),
    ...(vnet.ipv6 ? { ipv6: { address: vnet.ipv6.gateway, prefixLength: vnet.ipv6.prefixLength } } : {}),
    mtu: vnet.mtu,
    leaseSeconds: config.network.lease_seconds,
    ...(server && file ? { pxe: { server, file } } : {}),
    dnsServers: config.network.dns_servers,
    searchDomains: config.network.search_domains,
  };
}
