// destroyVNIC: takes a VNIC from its VServer; a running guest must let go of it first.
import { Type } from '@sinclair/typebox';
import type { MethodDefinition } from '../../methods.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { Reference } from '../../resources/names.ts';
import { find } from '../find.ts';
import { defineOperation } from '../kind.ts';
import { operationParams } from '../parameters.ts';
import { requireState } from '../transitions.ts';
import { renewMedia } from '../vserver/media.ts';
import { removeNic, UNPLUG_MS, type VNicPlanState, vnicOf } from './steps.ts';

const params = operationParams({ vnicId: Reference });

const definition: MethodDefinition<typeof params> = {
  name: 'destroyVNIC',
  summary: 'Takes a VNIC from its VServer; a running guest must let go of it first.',
  right: 'operate',
  kind: 'operation',
  params,
  result: Type.Object({ vnicId: Type.String() }),
  http: { verb: 'DELETE', path: '/v1/vnics/{vnicId}' },
};

export const destroyVNIC = defineOperation<typeof params, VNicPlanState & { vserverId: string }>({
  definition,
  locks: (host, { vnicId }) => [`vserver/${find(host.inventory, 'vnic', vnicId).vserverId}`],
  begin({ host, tx, params: { vnicId } }) {
    const vnic = find(tx, 'vnic', vnicId);
    const vserver = tx.get('vserver', vnic.vserverId)!;
    requireState(vserver, ['inactive', 'running'], 'relieved of a VNIC');
    if (vserver.state === 'running' && !host.hypervisor.features.nicHotplug) {
      const why = 'This hypervisor removes VNICs only from inactive VServers.';
      throw new InnkeeperError('unsupported', why, { vserver: vserver.id, vnic: vnic.id });
    }
    return { vnicId: vnic.id, vserverId: vserver.id };
  },
  steps: [
    {
      name: 'detach',
      run({ host, plan }) {
        const { mac, vserverId } = vnicOf(host, plan);
        return host.hypervisor.detachNic(host.inventory.get('vserver', vserverId)!.domain, mac, UNPLUG_MS);
      },
    },
    { name: 'remove-nic', run: ({ host, plan }) => removeNic(host, plan) },
    renewMedia,
  ],
  finish(tx, { vnicId, vserverId }) {
    tx.event('vnic.destroyed', { vnic: vnicId, vserver: vserverId });
    return { vnicId };
  },
  abandon() {},
  forwardOnly: true,
});
