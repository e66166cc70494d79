// Answers "who is asking?" for DHCP and the metadata service, from memory, at any time.
import type { GuestFacts, GuestNic } from '../../contextualization/guest-facts.ts';
import type { GuestDirectory } from '../../metadata-server/mod.ts';
import type { Config } from '../config/config.ts';
import type { Change, Inventory } from '../inventory/inventory.ts';
import type { VNic } from '../resources/vnet.ts';
import { guestFacts } from './facts.ts';
import { keepInitialPassword } from './initial-password.ts';
import type { Seal } from './seal.ts';

interface Guest {
  facts: GuestFacts;
  nic: GuestNic;
}

/** Indexes VNICs by (VNet, MAC) and (VNet, address), and keeps each guest's facts until something changes. */
export class InventoryDirectory implements GuestDirectory {
  readonly #inventory: Inventory;
  readonly #network: Config['network'];
  readonly #seal: Seal;
  readonly #vnics = new Map<string, string>();
  readonly #facts = new Map<string, GuestFacts>();

  constructor(inventory: Inventory, network: Config['network'], seal: Seal) {
    this.#inventory = inventory;
    this.#network = network;
    this.#seal = seal;
    for (const vnic of inventory.list('vnic')) this.#index(vnic);
    inventory.onCommit(({ changes }) => {
      for (const change of changes) this.#follow(change);
    });
  }

  byMac(vnetId: string, mac: string): Guest | undefined {
    return this.#guest(`${vnetId} ${mac}`);
  }

  byAddress(vnetId: string, address: string): Guest | undefined {
    return this.#guest(`${vnetId} ${address}`);
  }

  storeInitialPassword(vserverId: string, password: Uint8Array, how: 'clear' | 'encrypted') {
    return keepInitialPassword(this.#inventory, this.#seal, vserverId, password, how);
  }

  encryptedPassword(vserverId: string): string | undefined {
    const kept = this.#inventory.get('vserver', vserverId)?.initialPassword;
    if (kept?.how !== 'encrypted') return undefined;
    return this.#seal.unseal(kept.sealed, vserverId).toString('utf8');
  }

  #guest(key: string): Guest | undefined {
    const vnic = this.#inventory.get('vnic', this.#vnics.get(key) ?? '');
    const vserver = vnic && this.#inventory.get('vserver', vnic.vserverId);
    if (!vserver) return undefined;
    const facts = this.#facts.get(vserver.id) ?? guestFacts(this.#inventory, this.#network, vserver);
    this.#facts.set(vserver.id, facts);
    const nic = facts.nics.find(({ vnicId }) => vnicId === vnic.id);
    return nic && { facts, nic };
  }

  #index(vnic: VNic): void {
    for (const key of keysOf(vnic)) this.#vnics.set(key, vnic.id);
  }

  #follow({ kind, id, before, value }: Change): void {
    if (kind === 'vserver') this.#facts.delete(id);
    if (kind === 'vnet' || kind === 'publicip') this.#facts.clear();
    if (kind !== 'vnic') return;
    for (const key of before ? keysOf(before as VNic) : []) this.#vnics.delete(key);
    if (value) this.#index(value as VNic);
    // Neither, if it was removed a second time: by the undo of a step, then by the end of its operation.
    const vnic = (value ?? before) as VNic | undefined;
    if (vnic) this.#facts.delete(vnic.vserverId);
  }
}

function keysOf(vnic: VNic): string[] {
  return [vnic.mac, vnic.ipv4, vnic.ipv6].flatMap((part) => (part ? [`${vnic.vnetId} ${part}`] : []));
}
