// registerDiskImage: fetches, checks and keeps the content that VDisks start from.
import { type Static, Type } from '@sinclair/typebox';
import type { MethodDefinition } from '../../methods.ts';
import { imageAttributes } from '../../queries/attributes.ts';
import { DiskImageAttributes, ImageDescription } from '../../resources/disk-image.ts';
import { Name, newId } from '../../resources/names.ts';
import { refuseTakenName } from '../find.ts';
import { type BeginContext, defineOperation, type Step } from '../kind.ts';
import { operationParams } from '../parameters.ts';

const params = operationParams({
  name: Name,
  uri: Type.String({
    maxLength: 4096,
    pattern: '^(file|https?):',
    description: 'A file:, http: or https: address',
  }),
  checksum: Type.Optional(
    Type.String({
      pattern: '^(sha256:[0-9a-fA-F]{64}|sha512:[0-9a-fA-F]{128})$',
      description: 'sha256: or sha512: and the hexadecimal digest of the file as it is at the address',
    }),
  ),
  format: Type.Optional(Type.Union([Type.Literal('raw'), Type.Literal('qcow2')])),
  ...ImageDescription,
});

const definition: MethodDefinition<typeof params> = {
  name: 'registerDiskImage',
  summary: 'Fetches a DiskImage from a file: or http(s): address, checks it and keeps it.',
  right: 'operate',
  kind: 'operation',
  params,
  result: DiskImageAttributes,
  http: { verb: 'POST', path: '/v1/images' },
};

interface Plan {
  imageId: string;
  source: { uri: string; checksum?: string; format?: 'raw' | 'qcow2' };
}

function begin({ tx, params: asked, caller }: BeginContext<Static<typeof params>>): Plan {
  refuseTakenName(tx, 'image', asked.name);
  const id = newId('image');
  tx.put('image', {
    id,
    name: asked.name,
    registerer: caller.name,
    registerTime: new Date().toISOString(),
    uri: asked.uri,
    state: 'registering',
    osType: asked.osType ?? '',
    osName: asked.osName ?? '',
    productIds: asked.productIds ?? [],
    creatorName: asked.creatorName ?? '',
    description: asked.description ?? '',
    licenseInfo: asked.licenseInfo ?? '',
  });
  const { uri, checksum, format } = asked;
  return { imageId: id, source: { uri, ...(checksum ? { checksum } : {}), ...(format ? { format } : {}) } };
}

const fetchImage: Step<Plan> = {
  name: 'fetch',
  async run({ host, plan, signal, progress }) {
    const kept = await host.images.register(plan.imageId, plan.source, { signal, onProgress: progress });
    const { path, format, virtualSizeBytes, fileBytes, checksum } = kept;
    await host.inventory.transact((tx) =>
      tx.patch('image', plan.imageId, { path, format, virtualSizeBytes, fileBytes, checksum }),
    );
  },
  undo: ({ host, plan }) => host.images.remove(plan.imageId),
};

export const registerDiskImage = defineOperation<typeof params, Plan>({
  definition,
  locks: () => [],
  begin,
  steps: [fetchImage],
  finish(tx, { imageId }) {
    tx.patch('image', imageId, { state: 'available' });
    const image = tx.get('image', imageId)!;
    tx.event('image.registered', { image: imageId }, { name: image.name, checksum: image.checksum });
    return imageAttributes(image);
  },
  abandon(tx, { imageId }, error) {
    tx.remove('image', imageId);
    tx.event('image.register-failed', { image: imageId }, { code: error.code, message: error.message });
  },
});
