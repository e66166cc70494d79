// detachVDisk: waits for the guest to let go; a guest that does not keeps its disk.
import { Type } from '@sinclair/typebox';
import { InnkeeperError } from '../../resources/errors.ts';
import { defineOperation } from '../kind.ts';
import { requireState } from '../transitions.ts';
import { lockVDisk, ownerOf, readyVDisk, shownVDisk, vdiskVerb } from './definition.ts';
import { type VolumePlan, vdiskOf } from './steps.ts';

const DEFAULT_SECONDS = 30;

const definition = vdiskVerb(
  'detachVDisk',
  'detach',
  'Detaches a VDisk; a running guest must let go of it first.',
  {
    timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 3600 })),
  },
);

interface Plan extends VolumePlan {
  vserverId: string;
  timeoutMs: number;
}

export const detachVDisk = defineOperation<typeof definition.params, Plan>({
  definition,
  locks: lockVDisk,
  begin({ host, tx, params }) {
    const vdisk = readyVDisk(tx, params.vdiskId);
    const owner = ownerOf(tx, vdisk);
    if (!owner)
      throw new InnkeeperError('wrong-state', `VDisk ${vdisk.name} is not attached.`, { vdisk: vdisk.id });
    const ids = { vdisk: vdisk.id, vserver: owner.id };
    if (vdisk.kind === 'default') {
      const why = `VDisk ${vdisk.name} belongs to VServer ${owner.name} and cannot be detached; back it up instead.`;
      throw new InnkeeperError('unsupported', why, ids);
    }
    requireState(owner, ['inactive', 'running'], 'relieved of a VDisk');
    if (owner.state === 'running' && !host.hypervisor.features.diskHotplug) {
      throw new InnkeeperError(
        'unsupported',
        'This hypervisor detaches VDisks only from inactive VServers.',
        ids,
      );
    }
    const timeoutMs = (params.timeoutSeconds ?? DEFAULT_SECONDS) * 1000;
    return { vdiskId: vdisk.id, vserverId: owner.id, timeoutMs };
  },
  steps: [
    {
      name: 'detach',
      run({ host, plan }) {
        const { domain } = host.inventory.get('vserver', plan.vserverId)!;
        return host.hypervisor.detachDisk(domain, vdiskOf(host, plan).position!, plan.timeoutMs);
      },
    },
  ],
  finish(tx, { vdiskId, vserverId }) {
    tx.patch('vdisk', vdiskId, { attachedTo: undefined, position: undefined });
    tx.event('vdisk.detached', { vdisk: vdiskId, vserver: vserverId });
    return shownVDisk(tx, vdiskId);
  },
  abandon() {},
  forwardOnly: true,
});
