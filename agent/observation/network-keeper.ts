// Keeps the host's networks as the inventory says: notices what others took away, and puts it back.
import { isDeepStrictEqual } from 'node:util';
import type { Host } from '../host.ts';
import { legIsThere, type VNetPlan, vnetNames, watchRules } from '../network/mod.ts';
import { vnetPlan, vnicPlan } from '../operations/machine.ts';
import { layPublicIps } from '../operations/publicip/steps.ts';
import { servedNetwork } from '../operations/vnet/steps.ts';

/** Time for whoever replaces the ruleset to be done with it. */
const SETTLE_MS = 20;

export class NetworkKeeper {
  readonly #host: Host;
  #stopWatch: (() => void) | undefined;
  #interval: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #checking: Promise<void> | undefined;
  #again = false;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Looks whenever rules are deleted, and every few minutes. */
  start(): void {
    const { config } = this.#host;
    this.#stopWatch = watchRules(config.prefix, () => {
      this.#soon ??= setTimeout(() => {
        this.#soon = undefined;
        void this.check();
      }, SETTLE_MS);
    });
    this.#interval = setInterval(() => void this.check(), config.reconcile_seconds * 1000).unref();
  }

  /** Resolves when a check that is under way has ended. */
  async stop(): Promise<void> {
    this.#stopWatch?.();
    clearInterval(this.#interval);
    clearTimeout(this.#soon);
    await this.#checking;
  }

  /** Compares once, and repairs. Never fails; one at a time, and once more if wished for meanwhile. */
  check(): Promise<void> {
    if (this.#checking) this.#again = true;
    this.#checking ??= this.#compare()
      .catch((error) => this.#host.log.error({ err: error }, 'the networks could not be compared'))
      .finally(() => {
        this.#checking = undefined;
        if (!this.#again || this.#host.halted) return;
        this.#again = false;
        void this.check();
      });
    return this.#checking;
  }

  async #compare(): Promise<void> {
    const { network, inventory, config, log } = this.#host;
    const due = this.#dueLegs();
    const found = await network.observe();
    // Read after looking: a VNIC enters the inventory before its rules are made, and leaves it after they are gone.
    const vnets = inventory.list('vnet').filter(({ busy }) => busy === undefined);
    const vnics = inventory.list('vnic');
    const ruled = new Set(found.ruled);
    const whole = new Set(found.vnets.filter(({ complete }) => complete).map(({ id }) => id));
    const plans = vnets.map((vnet) => vnetPlan(config, vnet, inventory));
    const stands = ({ id, inet }: VNetPlan): boolean =>
      !inet || !due.has(id) || legIsThere(vnetNames(config.prefix, id), inet, found.links);
    const lostVNets = vnets.filter(({ id }, at) => !whole.has(id) || !stands(plans[at]!));
    const lostVNics = vnics.filter(({ device }) => !ruled.has(device));
    if (lostVNets.length + lostVNics.length > 0) {
      await network.restore(
        plans,
        vnics.map((vnic) => vnicPlan(config, inventory, vnic)),
      );
      await this.#layAgain(plans);
      for (const vnet of lostVNets) await this.#host.metadata.add(servedNetwork(config, vnet));
      const ids = [...lostVNets, ...lostVNics].map(({ id }) => id);
      log.warn({ ids }, 'rules or parts of networks were gone, and have been put back');
      await inventory.transact((tx) =>
        tx.event('network.restored', {}, { vnets: lostVNets.length, vnics: lostVNics.length }),
      );
    }
    const known = new Set(inventory.list('vnic').map(({ device }) => device));
    const strays = found.ruled.filter(
      (device) => device.startsWith(`${config.prefix}t`) && !known.has(device),
    );
    for (const device of strays) await network.removeVNic(device);
  }

  /** VNets that must have a leg in the provider's network now: none of its addresses is just coming or going. */
  #dueLegs(): Set<string> {
    const { inventory } = this.#host;
    const due = new Set<string>();
    const moving = new Set<string>();
    for (const { vnicId, busy } of inventory.list('publicip')) {
      const vnetId = inventory.get('vnic', vnicId ?? '')?.vnetId;
      if (vnetId !== undefined) (busy === undefined ? due : moving).add(vnetId);
    }
    return due.difference(moving);
  }

  /** An operation may have laid a VNet anew meanwhile, and then what was put back is older than that. */
  async #layAgain(plans: readonly VNetPlan[]): Promise<void> {
    const { inventory, config } = this.#host;
    for (const plan of plans) {
      const vnet = inventory.get('vnet', plan.id);
      if (vnet?.busy !== undefined || !vnet) continue;
      if (!isDeepStrictEqual(vnetPlan(config, vnet, inventory), plan))
        await layPublicIps(this.#host, plan.id);
    }
  }
}
