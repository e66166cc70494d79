// Steps that several VDisk operations share.
import type { Host } from '../../host.ts';
import type { VDisk } from '../../resources/vdisk.ts';
import type { Volume } from '../../storage/mod.ts';
import type { Step } from '../kind.ts';
import { rememberDiscarded } from './discarded.ts';

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
  undo: ({ host, plan }) => discardVolume(host, plan),
};

/** Removes the content; if the pool cannot do it now, a later start will. */
export async function discardVolume(host: Host, plan: VolumePlan): Promise<void> {
  const { id, pool } = vdiskOf(host, plan);
  try {
    await host.pools.get(pool)!.remove(id);
  } catch (error) {
    await rememberDiscarded(host, pool, id);
    throw error;
  }
}

function sourceOf(host: Host, vdisk: VDisk) {
  const source = vdisk.backupSrcVDisk
    ? host.inventory.get('vdisk', vdisk.backupSrcVDisk)
    : host.inventory.get('image', vdisk.imageId ?? '');
  return source && { path: source.path!, format: source.format! };
}
