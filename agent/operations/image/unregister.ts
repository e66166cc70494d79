// unregisterDiskImage: refused while a VDisk was made from it, for its content may be shared.
import { Type } from '@sinclair/typebox';
import type { MethodDefinition } from '../../methods.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { find } from '../find.ts';
import { defineOperation } from '../kind.ts';
import { imageId, operationParams } from '../parameters.ts';

const params = operationParams(imageId);

const definition: MethodDefinition<typeof params> = {
  name: 'unregisterDiskImage',
  summary: 'Forgets a DiskImage and removes its file; refused while VDisks made from it exist.',
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
    const users = tx.list('vdisk').filter((vdisk) => vdisk.imageId === image.id);
    if (users.length > 0) {
      const why = `DiskImage ${image.name} is in use by ${users.length} VDisk(s): ${users.map(({ id }) => id).join(', ')}.`;
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
