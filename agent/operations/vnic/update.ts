// updateVNIC: another security list for a VNIC, or none, while its VServer runs.
import { Type } from '@sinclair/typebox';
import type { MethodDefinition } from '../../methods.ts';
import { checkSecurityRule } from '../../network/mod.ts';
import { vnicAttributes } from '../../queries/attributes.ts';
import { Reference } from '../../resources/names.ts';
import { SecurityList, type SecurityRule, VNicAttributes } from '../../resources/vnet.ts';
import { find } from '../find.ts';
import { defineOperation } from '../kind.ts';
import { vnicPlan } from '../machine.ts';
import { operationParams } from '../parameters.ts';
import { type VNicPlanState, vnicOf } from './steps.ts';

const params = operationParams({
  vnicId: Reference,
  securityList: Type.Union([SecurityList, Type.Null()], { description: 'null: everything passes' }),
});

const definition: MethodDefinition<typeof params> = {
  name: 'updateVNIC',
  summary: 'Replaces the security list of a VNIC at once, also of a running VServer, or takes it away.',
  right: 'operate',
  kind: 'operation',
  params,
  result: VNicAttributes,
  http: { verb: 'PATCH', path: '/v1/vnics/{vnicId}' },
};

interface Plan extends VNicPlanState {
  /** What it was, for the way back. */
  before?: SecurityRule[];
}

export const updateVNIC = defineOperation<typeof params, Plan>({
  definition,
  locks: (host, { vnicId }) => [`vserver/${find(host.inventory, 'vnic', vnicId).vserverId}`],
  begin({ tx, params: asked }) {
    const { id, securityList: before } = find(tx, 'vnic', asked.vnicId);
    for (const rule of asked.securityList ?? []) checkSecurityRule(id, rule);
    tx.patch('vnic', id, { securityList: asked.securityList ?? undefined });
    return { vnicId: id, ...(before ? { before } : {}) };
  },
  steps: [
    {
      name: 'replace-list',
      run: ({ host, plan }) =>
        host.network.replaceSecurityList(vnicPlan(host.config, host.inventory, vnicOf(host, plan))),
      undo({ host, plan }) {
        const { securityList: _, ...bare } = vnicOf(host, plan);
        const vnic = plan.before ? { ...bare, securityList: plan.before } : bare;
        return host.network.replaceSecurityList(vnicPlan(host.config, host.inventory, vnic));
      },
    },
  ],
  finish(tx, { vnicId }) {
    const vnic = tx.get('vnic', vnicId)!;
    tx.event('vnic.updated', { vnic: vnicId, vserver: vnic.vserverId });
    return vnicAttributes(tx, vnic);
  },
  abandon: (tx, { vnicId, before }) => tx.patch('vnic', vnicId, { securityList: before }),
});
