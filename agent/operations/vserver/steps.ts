// Steps that several VServer operations share; each reads the inventory, so that it can be repeated any time.
import { nicsOf } from '../../guest/facts.ts';
import type { Host } from '../../host.ts';
import type { VServer } from '../../resources/vserver.ts';
import type { Step } from '../kind.ts';
import { machineOf, vnicPlan } from '../machine.ts';
import { releasePublicIps } from '../publicip/steps.ts';

/** The least a plan must have for these steps. */
export interface VServerPlan {
  vserverId: string;
}

export function vserverOf(host: Host, plan: VServerPlan): VServer {
  return host.inventory.get('vserver', plan.vserverId)!;
}

/** The isolation rules of every VNIC, in place before the tap exists. */
export const isolate: Step<VServerPlan> = {
  name: 'isolate',
  async run({ host, plan }) {
    for (const vnic of nicsOf(host.inventory, plan.vserverId)) {
      await host.network.ensureVNic(vnicPlan(host.config, host.inventory, vnic));
    }
  },
  undo: (context) => removeNics(context.host, context.plan),
};

/** The persistent definition; replaced if there is one. */
export const define: Step<VServerPlan> = {
  name: 'define',
  run: ({ host, plan }) =>
    host.hypervisor.define(
      machineOf(host.config, host.inventory, vserverOf(host, plan), host.totals.topology),
    ),
  undo: (context) => undefine(context.host, context.plan),
};

/** Boots it. */
export const boot: Step<VServerPlan> = {
  name: 'boot',
  run: ({ host, plan }) => host.hypervisor.start(vserverOf(host, plan).domain),
  undo: (context) => cutPower(context.host, context.plan),
};

/** VNICs leave the inventory with their rules: what is in it gets its rules back at the next start. */
export async function removeNics(host: Host, plan: VServerPlan): Promise<void> {
  for (const vnic of nicsOf(host.inventory, plan.vserverId)) {
    await releasePublicIps(host, vnic.id);
    await host.network.removeVNic(vnic.id);
    await host.inventory.transact((tx) => tx.remove('vnic', vnic.id));
  }
}

export async function undefine(host: Host, plan: VServerPlan): Promise<void> {
  await host.hypervisor.undefine(vserverOf(host, plan).domain);
}

export async function cutPower(host: Host, plan: VServerPlan): Promise<void> {
  await host.hypervisor.powerOff(vserverOf(host, plan).domain);
}
