// What the verbs of PublicIPs share: finding one, and making the host as the inventory says.

import type { Inet } from '../../addressing/public.ts';
import type { Host } from '../../host.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { KeyedLock } from '../../storage/keyed-lock.ts';
import { vnetPlan } from '../machine.ts';

export interface PublicIpPlan {
  publicIpId: string;
  vnicId: string;
  vnetId: string;
}

/** Operations on different VServers may change the same VNet. */
const turns = new WeakMap<Host, KeyedLock>();

/** Lays the VNet again with the public addresses it has by now; the last one to run has seen every change. */
export function layPublicIps(host: Host, vnetId: string): Promise<void> {
  const lock = turns.get(host) ?? new KeyedLock();
  turns.set(host, lock);
  return lock.run(vnetId, async () => {
    const vnet = host.inventory.get('vnet', vnetId);
    if (vnet) await host.network.ensureVNet(vnetPlan(host.config, vnet, host.inventory));
  });
}

/** @throws InnkeeperError `unsupported` on a host without a provider's network */
export function inetOf(host: Host): Inet {
  if (host.config.inet) return host.config.inet;
  const why = 'This host has no public addresses: its configuration has no [inet].';
  throw new InnkeeperError('unsupported', why);
}

/** Takes every PublicIP from a VNIC that goes away; it stays allocated. */
export async function releasePublicIps(host: Host, vnicId: string): Promise<void> {
  const held = host.inventory.list('publicip').filter((publicIp) => publicIp.vnicId === vnicId);
  const vnic = host.inventory.get('vnic', vnicId);
  if (held.length === 0 || !vnic) return;
  await host.inventory.transact((tx) => {
    for (const { id } of held) tx.patch('publicip', id, { busy: 'detaching' });
  });
  await layPublicIps(host, vnic.vnetId);
  await host.inventory.transact((tx) => {
    for (const { id, address } of held) {
      tx.patch('publicip', id, { vnicId: undefined, busy: undefined });
      const ids = { publicip: id, vnic: vnicId, vserver: vnic.vserverId, vnet: vnic.vnetId };
      tx.event('publicip.detached', ids, { address });
    }
  });
}
