// restoreVDisk: overwrites a VDisk's content from a backup while nothing can write to it.
import { InnkeeperError } from '../../resources/errors.ts';
import { Reference } from '../../resources/names.ts';
import { find } from '../find.ts';
import { defineOperation } from '../kind.ts';
import { machineOf } from '../machine.ts';
import { beginCopying, endCopying, ownerKeys, refuseCopied } from './copying.ts';
import { lockVDisk, readyVDisk, requireQuiet, shownVDisk, vdiskVerb } from './definition.ts';
import { keepPlace, type VolumePlan, vdiskOf } from './steps.ts';

const definition = vdiskVerb('restoreVDisk', 'restore', 'Overwrites the content of a VDisk from a backup.', {
  backupId: Reference,
});

interface Plan extends VolumePlan {
  backupId: string;
}

export const restoreVDisk = defineOperation<typeof definition.params, Plan>({
  definition,
  locks(host, params) {
    const backup = find(host.inventory, 'vdisk', params.backupId);
    refuseCopied(backup);
    return [...lockVDisk(host, params), `vdisk/${backup.id}`];
  },
  locksAtBegin: (host, { backupId }) => ownerKeys(host, backupId),
  begin({ tx, params, operationId }) {
    const vdisk = readyVDisk(tx, params.vdiskId);
    const backup = readyVDisk(tx, params.backupId);
    const ids = { vdisk: vdisk.id, backup: backup.id };
    requireQuiet(tx, vdisk, 'restored');
    requireQuiet(tx, backup, 'restored from');
    if (backup.id === vdisk.id || backup.sizeBytes > vdisk.sizeBytes) {
      const why = backup.id === vdisk.id ? 'it is the same VDisk' : 'the backup is larger';
      throw new InnkeeperError(
        'invalid',
        `VDisk ${vdisk.name} cannot be restored from ${backup.name}: ${why}.`,
        ids,
      );
    }
    tx.patch('vdisk', vdisk.id, { tracked: undefined });
    beginCopying(tx, [backup.id], operationId, false);
    return { vdiskId: vdisk.id, backupId: backup.id };
  },
  steps: [
    {
      name: 'overwrite',
      async run({ host, plan, signal, progress }) {
        const vdisk = vdiskOf(host, plan);
        const backup = host.inventory.get('vdisk', plan.backupId)!;
        const from = { path: backup.path!, format: backup.format! };
        const pool = host.pools.get(vdisk.pool)!;
        const written = await pool.overwrite(vdisk.id, from, { signal, onProgress: progress });
        await keepPlace(host, vdisk.id, written);
      },
    },
    {
      // An overlay has become a copy that stands alone: the definition must not name its base any more.
      name: 'define',
      async run({ host, plan }) {
        const { attachedTo } = vdiskOf(host, plan);
        const owner = attachedTo && host.inventory.get('vserver', attachedTo);
        if (owner)
          await host.hypervisor.define(machineOf(host.config, host.inventory, owner, host.totals.topology));
      },
    },
  ],
  finish(tx, { vdiskId, backupId }) {
    endCopying(tx, [backupId]);
    tx.event('vdisk.restored', { vdisk: vdiskId, backup: backupId });
    return shownVDisk(tx, vdiskId);
  },
  // The pool replaces content in one step, so a restore that failed has changed nothing.
  abandon: (tx, { backupId }) => endCopying(tx, [backupId]),
});
