// Is on the host, of bridges, namespaces and rules, what the inventory says?
import { HostNetwork } from '../network/mod.ts';
import { type Check, type Finding, fault, fine, warning } from './check.ts';

interface Wanted {
  vnetId: string;
  name: string;
  bridge: string;
  namespace: string;
}

interface Guarded {
  vnicId: string;
  device: string;
}

const REPAIR =
  'Restart the agent (systemctl restart innkeeper): it puts everything back; running guests notice nothing.';

export const network: Check = {
  name: 'network',
  async run({ config, agent }) {
    const [vnets, vnics] = (await Promise.all([agent.call('listVNet'), agent.call('listVNIC')])) as [
      Wanted[],
      Guarded[],
    ];
    const there = await new HostNetwork({ prefix: config.prefix }).observe();
    const found: Omit<Finding, 'check'>[] = [];
    const provider = config.inet?.bridge;
    if (provider !== undefined && !there.links.has(provider)) {
      const means = 'No PublicIP works: nothing leads to the outside.';
      const what = `Make the bridge, or name the right one as inet.bridge.`;
      found.push(
        fault('inet-bridge-missing', `The provider's bridge ${provider} is not there.`, means, what),
      );
    }
    for (const { vnetId, name, bridge, namespace } of vnets) {
      const miss = (code: string, what: string) =>
        found.push(fault(code, what, `VServers on the VNet ${name} (${vnetId}) have no network.`, REPAIR));
      if (!there.bridges.includes(bridge)) miss('bridge-missing', `The bridge ${bridge} is gone.`);
      else if (!there.namespaces.includes(namespace))
        miss('namespace-missing', `The namespace ${namespace} is gone.`);
      else if (!there.vnets.some(({ id, complete }) => id === vnetId && complete))
        miss(
          'vnet-incomplete',
          `Parts of the VNet ${name} are not as they were made (link down, or rules gone).`,
        );
    }
    for (const { vnicId, device } of vnics) {
      if (there.ruled.includes(device)) continue;
      const means = `The VNIC ${vnicId} is cut off: without rules nothing may pass.`;
      found.push(fault('rules-missing', `nftables has no rules for ${device}.`, means, REPAIR));
    }
    const known = new Set(vnets.map(({ bridge }) => bridge));
    for (const bridge of there.bridges.filter((name) => !known.has(name))) {
      const means = 'It belongs to no VNet; somebody else made it, or another agent uses the same prefix.';
      found.push(
        warning(
          'bridge-stray',
          `There is a bridge ${bridge}.`,
          means,
          `If nobody uses it: ip link del ${bridge}`,
        ),
      );
    }
    return found.length > 0
      ? found
      : [fine(`${vnets.length} VNets and ${vnics.length} VNICs are as they should be`)];
  },
};
