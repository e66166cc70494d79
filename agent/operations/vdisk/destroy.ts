// destroyVDisk: an unattached VDisk and its content go.
import { Type } from '@sinclair/typebox';
import type { MethodDefinition } from '../../methods.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { defineOperation } from '../kind.ts';
import { operationParams, vdiskId as reference } from '../parameters.ts';
import { lockVDisk, readyVDisk } from './definition.ts';
import { type VolumePlan, vdiskOf } from './steps.ts';

const params = operationParams(reference);

const definition: MethodDefinition<typeof params> = {
  name: 'destroyVDisk',
  summary: 'Destroys an unattached VDisk with its content.',
  right: 'operate',
  kind: 'operation',
  params,
  result: Type.Object({ vdiskId: Type.String() }),
  http: { verb: 'DELETE', path: '/v1/vdisks/{vdiskId}' },
};

export const destroyVDisk = defineOperation<typeof params, VolumePlan>({
  definition,
  locks: lockVDisk,
  begin({ tx, params: asked }) {
    const vdisk = readyVDisk(tx, asked.vdiskId);
    if (vdisk.attachedTo) {
      const why = `VDisk ${vdisk.name} is attached to VServer ${vdisk.attachedTo}; detach it first.`;
      throw new InnkeeperError('wrong-state', why, { vdisk: vdisk.id, vserver: vdisk.attachedTo });
    }
    tx.patch('vdisk', vdisk.id, { creating: true });
    return { vdiskId: vdisk.id };
  },
  steps: [
    {
      name: 'remove-volume',
      run: ({ host, plan }) => host.pools.get(vdiskOf(host, plan).pool)!.remove(plan.vdiskId),
    },
  ],
  finish(tx, { vdiskId }) {
    tx.remove('vdisk', vdiskId);
    tx.event('vdisk.destroyed', { vdisk: vdiskId });
    return { vdiskId };
  },
  abandon(tx, { vdiskId }) {
    tx.patch('vdisk', vdiskId, { creating: undefined });
  },
  forwardOnly: true,
});
