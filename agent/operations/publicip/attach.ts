// attachPublicIP and detachPublicIP: a public address leads to one VNIC, whether its VServer runs or not.
import type { TProperties } from '@sinclair/typebox';
import { isInSubnet } from '../../addressing/public.ts';
import type { Host } from '../../host.ts';
import type { Transaction } from '../../inventory/transaction.ts';
import type { MethodDefinition } from '../../methods.ts';
import { publicIpAttributes } from '../../queries/attributes.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { Reference } from '../../resources/names.ts';
import { type PublicIp, PublicIpAttributes } from '../../resources/public-ip.ts';
import type { VNic } from '../../resources/vnet.ts';
import { find } from '../find.ts';
import { defineOperation } from '../kind.ts';
import { operationParams, publicIpId } from '../parameters.ts';
import { inetOf, layPublicIps, type PublicIpPlan } from './steps.ts';

function verb<P extends TProperties>(name: string, path: string, summary: string, own: P) {
  return {
    name,
    summary,
    right: 'operate',
    kind: 'operation',
    params: operationParams({ ...publicIpId, ...own }),
    result: PublicIpAttributes,
    http: { verb: 'POST', path: `/v1/public-ips/{publicIpId}/${path}` },
  } satisfies MethodDefinition;
}

const attachDefinition = verb(
  'attachPublicIP',
  'attach',
  'Leads a public address to a VNIC, of a VServer that runs or not: one-to-one translation to its own address.',
  { vnicId: Reference },
);

const idsOf = ({ publicIpId: id, vnicId, vnetId }: PublicIpPlan, tx: Transaction) => ({
  publicip: id,
  vnic: vnicId,
  vnet: vnetId,
  vserver: tx.get('vnic', vnicId)?.vserverId ?? '',
});

/** @throws InnkeeperError `wrong-state`, `invalid`, `conflict` */
function checkPair(tx: Transaction, publicIp: PublicIp, vnic: VNic): void {
  const { id, address, protocol } = publicIp;
  const ids = { publicip: id, vnic: vnic.id };
  if (publicIp.vnicId !== undefined) {
    const why = `PublicIP ${address} is attached to VNIC ${publicIp.vnicId}; detach it first.`;
    throw new InnkeeperError('wrong-state', why, ids);
  }
  if (!vnic[protocol]) {
    const why = `VNIC ${vnic.id} has no ${protocol} address that ${address} could lead to.`;
    throw new InnkeeperError('invalid', why, ids);
  }
  const other = tx.list('publicip').find((one) => one.vnicId === vnic.id && one.protocol === protocol);
  if (other) {
    const why = `VNIC ${vnic.id} has the public ${protocol} address ${other.address} already.`;
    throw new InnkeeperError('conflict', why, { ...ids, publicip: other.id });
  }
  const subnet = tx.get('vnet', vnic.vnetId)?.[protocol];
  if (subnet && isInSubnet(protocol, subnet, address)) {
    const why = `${address} lies in the subnet of VNIC ${vnic.id}'s own VNet, so nobody in it could reach it.`;
    throw new InnkeeperError('conflict', why, ids);
  }
}

/** @throws InnkeeperError `not-found` */
async function requireBridge(host: Host): Promise<void> {
  const { bridge } = inetOf(host);
  if (bridge === undefined || (await host.network.observe()).links.has(bridge)) return;
  const why = `The provider's bridge ${bridge}, which the configuration names under [inet], is not on this host.`;
  throw new InnkeeperError('not-found', why);
}

export const attachPublicIP = defineOperation<typeof attachDefinition.params, PublicIpPlan>({
  definition: attachDefinition,
  locks: (host, params) => [
    `publicip/${find(host.inventory, 'publicip', params.publicIpId).id}`,
    `vserver/${find(host.inventory, 'vnic', params.vnicId).vserverId}`,
  ],
  begin({ host, tx, params }) {
    inetOf(host);
    const publicIp = find(tx, 'publicip', params.publicIpId);
    const vnic = find(tx, 'vnic', params.vnicId);
    checkPair(tx, publicIp, vnic);
    tx.patch('publicip', publicIp.id, { vnicId: vnic.id, busy: 'attaching' });
    return { publicIpId: publicIp.id, vnicId: vnic.id, vnetId: vnic.vnetId };
  },
  steps: [
    {
      name: 'lead-in',
      async run({ host, plan }) {
        await requireBridge(host);
        await layPublicIps(host, plan.vnetId);
      },
      async undo({ host, plan }) {
        await host.inventory.transact((tx) => tx.patch('publicip', plan.publicIpId, { busy: 'detaching' }));
        await layPublicIps(host, plan.vnetId);
      },
    },
  ],
  finish(tx, plan) {
    tx.patch('publicip', plan.publicIpId, { busy: undefined });
    const publicIp = tx.get('publicip', plan.publicIpId)!;
    tx.event('publicip.attached', idsOf(plan, tx), { address: publicIp.address });
    return publicIpAttributes(tx, publicIp);
  },
  abandon: (tx, plan) => tx.patch('publicip', plan.publicIpId, { vnicId: undefined, busy: undefined }),
});

const detachDefinition = verb(
  'detachPublicIP',
  'detach',
  'Takes a public address from its VNIC; it stays allocated, and connections through it end.',
  {},
);

export const detachPublicIP = defineOperation<typeof detachDefinition.params, PublicIpPlan>({
  definition: detachDefinition,
  locks(host, params) {
    const { id, vnicId } = find(host.inventory, 'publicip', params.publicIpId);
    const vserver = host.inventory.get('vnic', vnicId ?? '')?.vserverId;
    return [`publicip/${id}`, ...(vserver ? [`vserver/${vserver}`] : [])];
  },
  begin({ tx, params }) {
    const { id, address, vnicId } = find(tx, 'publicip', params.publicIpId);
    const vnic = tx.get('vnic', vnicId ?? '');
    if (!vnic) {
      throw new InnkeeperError('wrong-state', `PublicIP ${address} is not attached.`, { publicip: id });
    }
    tx.patch('publicip', id, { busy: 'detaching' });
    return { publicIpId: id, vnicId: vnic.id, vnetId: vnic.vnetId };
  },
  steps: [{ name: 'cut-off', run: ({ host, plan }) => layPublicIps(host, plan.vnetId) }],
  finish(tx, plan) {
    tx.patch('publicip', plan.publicIpId, { vnicId: undefined, busy: undefined });
    const publicIp = tx.get('publicip', plan.publicIpId)!;
    tx.event('publicip.detached', idsOf(plan, tx), { address: publicIp.address });
    return publicIpAttributes(tx, publicIp);
  },
  // Half-way it is no address that works: asking again goes on from there.
  abandon() {},
  forwardOnly: true,
});
