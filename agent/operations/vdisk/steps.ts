// Steps that several VDisk operations share.
import type { Host } from '../../host.ts';
import type { VDisk } from '../../resources/vdisk.ts';
import type { Volume } from '../../storage/mod.ts';
import type { Step } from '../kind.ts';

/** The least a plan must have for these steps. */
export interface VolumePlan {
  vdiskId: string;
}

export function vdiskOf(host: Host, plan: VolumePlan): VDisk {
  return host.inventory.get('vdisk', plan.vdiskId)!;
}

/** Remembers where the content is, for the hypervisor. */
export async function keepPlace(host: Host, id: string, { path, format, backing }: Volume): Promise<void> {
  await host.inventory.transact((tx) => tx.patch('vdisk', id, { path, format, backing }));
}

/** The content: from the VDisk's DiskImage, from the VDisk it backs up, or blank. */
export const provision: Step<VolumePlan> = {
  name: 'provision-disk',
  async run({ host, plan, signal, progress }) {
    const vdisk = vdiskOf(host, plan);
    const from = sourceOf(host, vdisk);
    const volume = await host.pools
      .get(vdisk.pool)!
      .create(
        vdisk.id,
        { sizeBytes: vdisk.sizeBytes, ...(from ? { from } : {}) },
        { signal, onProgress: progress },
      );
    await keepPlace(host, vdisk.id, volume);
  },
  undo: ({ host, plan }) => host.pools.get(vdiskOf(host, plan).pool)!.remove(plan.vdiskId),
};

function sourceOf(host: Host, vdisk: VDisk) {
  const source = vdisk.backupSrcVDisk
    ? host.inventory.get('vdisk', vdisk.backupSrcVDisk)
    : host.inventory.get('image', vdisk.imageId ?? '');
  return source && { path: source.path!, format: source.format! };
}
