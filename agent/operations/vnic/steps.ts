// What making and removing a VNIC share.
import type { Host } from '../../host.ts';
import type { VNic } from '../../resources/vnet.ts';

export interface VNicPlanState {
  vnicId: string;
}

/** A guest has so long to let go of a VNIC. */
export const UNPLUG_MS = 30_000;

export function vnicOf(host: Host, plan: VNicPlanState): VNic {
  return host.inventory.get('vnic', plan.vnicId)!;
}

export function removeRules(host: Host, plan: VNicPlanState): Promise<void> {
  return host.network.removeVNic(plan.vnicId);
}
