// attachVDisk: gives a VDisk a position on a VServer, running (hot-plug) or inactive.
import { Type } from '@sinclair/typebox';
import { InnkeeperError } from '../../resources/errors.ts';
import { Reference } from '../../resources/names.ts';
import { find } from '../find.ts';
import { defineOperation } from '../kind.ts';
import { disksOf, machineDisk } from '../machine.ts';
import { requireState } from '../transitions.ts';
import { refuseTooMany } from '../vserver/by-type.ts';
import { lockVDisk, readyVDisk, shownVDisk, vdiskVerb } from './definition.ts';
import { type VolumePlan, vdiskOf } from './steps.ts';

/** vdb … vdz. */
const LAST_POSITION = 24;

const definition = vdiskVerb('attachVDisk', 'attach', 'Attaches a VDisk to a VServer, running or inactive.', {
  vserverId: Reference,
  position: Type.Optional(Type.Integer({ minimum: 0, maximum: LAST_POSITION })),
});

interface Plan extends VolumePlan {
  vserverId: string;
}

export const attachVDisk = defineOperation<typeof definition.params, Plan>({
  definition,
  locks: (host, params) => [
    ...lockVDisk(host, params),
    `vserver/${find(host.inventory, 'vserver', params.vserverId).id}`,
  ],
  begin({ host, tx, params }) {
    const vdisk = readyVDisk(tx, params.vdiskId);
    const vserver = find(tx, 'vserver', params.vserverId);
    if (vdisk.attachedTo) {
      const why = `VDisk ${vdisk.name} is attached to VServer ${vdisk.attachedTo} already.`;
      throw new InnkeeperError('wrong-state', why, { vdisk: vdisk.id, vserver: vdisk.attachedTo });
    }
    requireState(vserver, ['inactive', 'running'], 'given a VDisk');
    if (vserver.state === 'running' && !host.hypervisor.features.diskHotplug) {
      throw new InnkeeperError('unsupported', 'This hypervisor attaches VDisks only to inactive VServers.', {
        vserver: vserver.id,
      });
    }
    const taken = disksOf(tx, vserver.id).map(({ position }) => position);
    let position = params.position ?? 1;
    while (params.position === undefined && taken.includes(position)) position++;
    if (taken.includes(position) || position > LAST_POSITION) {
      const why = `VServer ${vserver.name} has no free position ${params.position ?? ''} for VDisk ${vdisk.name}.`;
      throw new InnkeeperError('conflict', why, { vdisk: vdisk.id, vserver: vserver.id });
    }
    // A guest may write to it from now on: no backup can build on it any more.
    tx.patch('vdisk', vdisk.id, { attachedTo: vserver.id, position, creating: true, tracked: undefined });
    refuseTooMany(tx, host.config, vserver);
    return { vdiskId: vdisk.id, vserverId: vserver.id };
  },
  steps: [
    {
      name: 'attach',
      run({ host, plan }) {
        const vserver = host.inventory.get('vserver', plan.vserverId)!;
        const type = host.config.vserver_type.find(({ name }) => name === vserver.vserverType);
        return host.hypervisor.attachDisk(vserver.domain, machineDisk(vdiskOf(host, plan), type));
      },
      async undo({ host, plan }) {
        const { domain } = host.inventory.get('vserver', plan.vserverId)!;
        await host.hypervisor.detachDisk(domain, vdiskOf(host, plan).position!, UNDO_MS);
      },
    },
  ],
  finish(tx, { vdiskId, vserverId }) {
    tx.patch('vdisk', vdiskId, { creating: undefined });
    tx.event(
      'vdisk.attached',
      { vdisk: vdiskId, vserver: vserverId },
      { position: tx.get('vdisk', vdiskId)!.position },
    );
    return shownVDisk(tx, vdiskId);
  },
  abandon(tx, { vdiskId }) {
    tx.patch('vdisk', vdiskId, { attachedTo: undefined, position: undefined, creating: undefined });
  },
});

/** A guest that took the disk a moment ago lets go of it at once, or not at all. */
const UNDO_MS = 10_000;
