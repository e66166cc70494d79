// Has every running VServer the addresses it should have, and is there one left for the next?
import { type Check, type Finding, fine, warning } from './check.ts';

interface VNet {
  vnetId: string;
  name: string;
  freeAddresses: number;
}

interface Explanation {
  vnicId: string;
  vserverId: string;
  verdict: string;
  findings: { level: string; about: string }[];
}

export const addresses: Check = {
  name: 'addresses',
  async run({ agent }) {
    const vnets = (await agent.call('listVNet')) as VNet[];
    const found: Omit<Finding, 'check'>[] = [];
    let served = 0;
    for (const { vnetId, name, freeAddresses } of vnets) {
      if (freeAddresses === 0) {
        const means = 'A further VNIC on it is refused with no-capacity.';
        const what = `Destroy VNICs that nobody needs (innkeeper vnet show ${name}), or use another VNet.`;
        found.push(
          warning('addresses-exhausted', `Every address of the VNet ${name} is taken.`, means, what),
        );
      }
      for (const guest of (await agent.call('explainVNet', { vnetId })) as Explanation[]) {
        const problems = guest.findings.filter(({ level }) => level === 'problem');
        // A guest that is off asks for nothing.
        if (problems.some(({ about }) => about === 'vserver')) continue;
        if (problems.length === 0) served += 1;
        else found.push(noAddress(guest, name));
      }
    }
    return found.length > 0 ? found : [fine(`${served} VNICs of running VServers have their addresses`)];
  },
};

function noAddress({ vnicId, vserverId, verdict }: Explanation, vnet: string) {
  const means = `${vserverId} is not, or not fully, reachable by its VNIC ${vnicId} on the VNet ${vnet}.`;
  const what = `innkeeper vnic show ${vnicId} tells everything that was counted; a guest may also still be booting.`;
  return warning('no-address', verdict, means, what);
}
