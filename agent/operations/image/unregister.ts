// unregisterDiskImage: VDisks made from it keep the content they build on; it goes with the last of them.
import { Type } from '@sinclair/typebox';
import type { MethodDefinition } from '../../methods.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { find } from '../find.ts';
import { defineOperation } from '../kind.ts';
import { imageId, operationParams } from '../parameters.ts';

const params = operationParams(imageId);

const definition: MethodDefinition<typeof params> = {
  name: 'unregisterDiskImage',
  summary: 'Forgets a DiskImage; what VDisks made from it need of its content stays as long as they do.',
  right: 'operate',
  kind: 'operation',
  params,
  result: Type.Object({ diskImageId: Type.String() }),
  http: { verb: 'DELETE', path: '/v1/images/{imageId}' },
};

export const unregisterDiskImage = defineOperation<typeof params, { imageId: string }>({
  definition,
  locks: (host, asked) => [`image/${find(host.inventory, 'image', asked.imageId).id}`],
  begin({ tx, params: asked }) {
    const image = find(tx, 'image', asked.imageId);
    // A backup has the content of its source; the image is only what that began with.
    const users = tx
      .list('vdisk')
      .filter((vdisk) => vdisk.creating && vdisk.imageId === image.id && !vdisk.backupSrcVDisk);
    if (image.state !== 'available' || users.length > 0) {
      const doing =
        users.length > 0 ? `being copied into ${users.map(({ id }) => id).join(', ')}` : 'not ready';
      const why = `DiskImage ${image.name} is ${doing}; unregister it afterwards.`;
      throw new InnkeeperError('wrong-state', why, { image: image.id });
    }
    // Nobody may start a VDisk from it from here on.
    tx.patch('image', image.id, { state: 'registering' });
    return { imageId: image.id };
  },
  steps: [{ name: 'remove-file', run: ({ host, plan }) => host.images.remove(plan.imageId) }],
  finish(tx, plan) {
    tx.remove('image', plan.imageId);
    tx.event('image.unregistered', { image: plan.imageId });
    return { diskImageId: plan.imageId };
  },
  abandon(tx, plan) {
    tx.patch('image', plan.imageId, { state: 'available' });
  },
  forwardOnly: true,
});
