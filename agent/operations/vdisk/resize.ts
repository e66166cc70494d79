// resizeVDisk: grows a VDisk, under a running guest too.
import { isOff } from '../../../drivers/hypervisor.ts';
import { admitDisk } from '../../capacity/admission.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { defineOperation } from '../kind.ts';
import { bytesOf, SizeGB } from './create.ts';
import { lockVDisk, ownerOf, readyVDisk, shownVDisk, vdiskVerb } from './definition.ts';
import { type VolumePlan, vdiskOf } from './steps.ts';

const definition = vdiskVerb('resizeVDisk', 'resize', 'Grows a VDisk, under a running guest too.', {
  sizeGB: SizeGB,
});

interface Plan extends VolumePlan {
  sizeBytes: number;
}

export const resizeVDisk = defineOperation<typeof definition.params, Plan>({
  definition,
  locks: lockVDisk,
  begin({ host, tx, params }) {
    const vdisk = readyVDisk(tx, params.vdiskId);
    const sizeBytes = bytesOf(params.sizeGB);
    if (sizeBytes < vdisk.sizeBytes) {
      const why = `VDisk ${vdisk.name} has ${vdisk.sizeBytes / 1e9} GB already; a VDisk can only grow.`;
      throw new InnkeeperError('invalid', why, { vdisk: vdisk.id });
    }
    const running = ownerOf(tx, vdisk)?.state === 'running';
    if (running && !host.hypervisor.features.onlineResize) {
      const why = 'This hypervisor grows VDisks only of inactive VServers.';
      throw new InnkeeperError('unsupported', why, { vdisk: vdisk.id });
    }
    admitDisk(tx, host.config.capacity, host.totals, vdisk.pool, sizeBytes - vdisk.sizeBytes);
    tx.patch('vdisk', vdisk.id, { tracked: undefined });
    return { vdiskId: vdisk.id, sizeBytes };
  },
  steps: [
    {
      name: 'grow',
      async run({ host, plan }) {
        const vdisk = vdiskOf(host, plan);
        const owner = vdisk.attachedTo ? host.inventory.get('vserver', vdisk.attachedTo) : undefined;
        const live = owner && !isOff((await host.hypervisor.find(owner.domain))?.state);
        const pool = host.pools.get(vdisk.pool)!;
        // QEMU holds the file of a running machine and grows it itself; a device it can only look at again.
        if (!live || pool.devices) await pool.grow(vdisk.id, plan.sizeBytes);
        if (live) await host.hypervisor.resizeDisk(owner.domain, vdisk.position!, plan.sizeBytes);
      },
    },
  ],
  finish(tx, { vdiskId, sizeBytes }) {
    tx.patch('vdisk', vdiskId, { sizeBytes });
    tx.event('vdisk.resized', { vdisk: vdiskId }, { sizeBytes });
    return shownVDisk(tx, vdiskId);
  },
  abandon() {},
  forwardOnly: true,
});
