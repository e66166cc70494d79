// destroyVNet: refused while it has VNICs; then services, bridge and namespace go.
import { Type } from '@sinclair/typebox';
import type { MethodDefinition } from '../../methods.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { find } from '../find.ts';
import { defineOperation } from '../kind.ts';
import { operationParams, vnetId } from '../parameters.ts';
import { removeNetwork, type VNetStepPlan } from './steps.ts';

const params = operationParams(vnetId);

const definition: MethodDefinition<typeof params> = {
  name: 'destroyVNet',
  summary: 'Removes a VNet; refused while a VServer has a VNIC on it.',
  right: 'operate',
  kind: 'operation',
  params,
  result: Type.Object({ vnetId: Type.String() }),
  http: { verb: 'DELETE', path: '/v1/vnets/{vnetId}' },
};

export const destroyVNet = defineOperation<typeof params, VNetStepPlan>({
  definition,
  locks: (host, asked) => [`vnet/${find(host.inventory, 'vnet', asked.vnetId).id}`],
  begin({ tx, params: asked }) {
    const vnet = find(tx, 'vnet', asked.vnetId);
    const users = tx.list('vnic').filter((vnic) => vnic.vnetId === vnet.id);
    if (vnet.busy || users.length > 0) {
      const why = vnet.busy
        ? 'is being made or removed'
        : `has ${users.length} VNIC(s), of ${users.map((vnic) => vnic.vserverId).join(', ')}`;
      throw new InnkeeperError('wrong-state', `VNet ${vnet.name} ${why}.`, { vnet: vnet.id });
    }
    // Nobody may put a VNIC on it from here on.
    tx.patch('vnet', vnet.id, { busy: 'destroying' });
    return { vnetId: vnet.id };
  },
  steps: [
    { name: 'close-services', run: ({ host, plan }) => host.metadata.remove(plan.vnetId) },
    { name: 'remove-network', run: ({ host, plan }) => removeNetwork(host, plan) },
  ],
  finish(tx, { vnetId: id }) {
    tx.remove('vnet', id);
    tx.event('vnet.destroyed', { vnet: id });
    return { vnetId: id };
  },
  abandon(tx, { vnetId: id }) {
    tx.patch('vnet', id, { busy: undefined });
  },
  forwardOnly: true,
});
