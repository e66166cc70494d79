// What making and removing a VNIC share.
import type { Host } from '../../host.ts';
import type { VNic } from '../../resources/vnet.ts';
import { releasePublicIps } from '../publicip/steps.ts';

export interface VNicPlanState {
  vnicId: string;
}

/** A guest has so long to let go of a VNIC. */
export const UNPLUG_MS = 30_000;

export function vnicOf(host: Host, plan: VNicPlanState): VNic {
  return host.inventory.get('vnic', plan.vnicId)!;
}

/** The VNIC leaves the inventory with its rules: what is in it gets its rules back at the next start. */
export async function removeNic(host: Host, plan: VNicPlanState): Promise<void> {
  await releasePublicIps(host, plan.vnicId);
  await host.network.removeVNic(plan.vnicId);
  await host.inventory.transact((tx) => tx.remove('vnic', plan.vnicId));
}
