// registerDiskImage: fetches, checks and keeps the content that VDisks start from.
import { type Static, Type } from '@sinclair/typebox';
import type { Host } from '../../host.ts';
import type { Transaction } from '../../inventory/transaction.ts';
import type { MethodDefinition } from '../../methods.ts';
import { imageAttributes } from '../../queries/attributes.ts';
import { DiskImageAttributes, ImageDescription } from '../../resources/disk-image.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { Name, newId } from '../../resources/names.ts';
import type { TaskOptions } from '../../storage/mod.ts';
import { find, refuseTakenName } from '../find.ts';
import { type BeginContext, defineOperation, type Step } from '../kind.ts';
import { operationParams } from '../parameters.ts';
import { beginCopying, endCopying, ownerKeys } from '../vdisk/copying.ts';
import { readyVDisk, requireQuiet } from '../vdisk/definition.ts';

const params = operationParams({
  name: Name,
  uri: Type.String({
    maxLength: 4096,
    pattern: '^(file|https?|vdisk):',
    description:
      'A file:, http: or https: address, or vdisk: and the id or name of a VDisk nothing writes to',
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
  summary: 'Fetches a DiskImage from a file: or http(s): address or copies a VDisk, checks it and keeps it.',
  right: 'operate',
  kind: 'operation',
  params,
  result: DiskImageAttributes,
  http: { verb: 'POST', path: '/v1/images' },
};

interface Plan {
  imageId: string;
  source: { uri: string; checksum?: string; format?: 'raw' | 'qcow2' } | { vdiskId: string };
}

const VDISK = 'vdisk:';

/** The reference of a VDisk in `vdisk:REFERENCE`. */
function vdiskNamed(uri: string): string | undefined {
  return uri.startsWith(VDISK) ? uri.slice(VDISK.length) : undefined;
}

/** @throws InnkeeperError `not-found`, `wrong-state` while it can be written to, `invalid` */
function sourceOf(tx: Transaction, { uri, checksum, format }: Static<typeof params>): Plan['source'] {
  const reference = vdiskNamed(uri);
  if (reference === undefined) {
    return { uri, ...(checksum ? { checksum } : {}), ...(format ? { format } : {}) };
  }
  const vdisk = readyVDisk(tx, reference);
  requireQuiet(tx, vdisk, 'made a DiskImage');
  if (checksum !== undefined || format === 'raw') {
    const why = 'A DiskImage made from a VDisk is qcow2 and has no checksum before it is made.';
    throw new InnkeeperError('invalid', why, { vdisk: vdisk.id });
  }
  return { vdiskId: vdisk.id };
}

function begin({ tx, params: asked, caller, operationId }: BeginContext<Static<typeof params>>): Plan {
  refuseTakenName(tx, 'image', asked.name);
  const source = sourceOf(tx, asked);
  const id = newId('image');
  tx.put('image', {
    id,
    name: asked.name,
    registerer: caller.name,
    registerTime: new Date().toISOString(),
    uri: 'vdiskId' in source ? `${VDISK}${source.vdiskId}` : asked.uri,
    state: 'registering',
    osType: asked.osType ?? '',
    osName: asked.osName ?? '',
    productIds: asked.productIds ?? [],
    creatorName: asked.creatorName ?? '',
    description: asked.description ?? '',
    licenseInfo: asked.licenseInfo ?? '',
    ...(asked.guestType ? { guestType: asked.guestType } : {}),
  });
  beginCopying(tx, readBy({ source }), operationId, false);
  return { imageId: id, source };
}

function readBy({ source }: Pick<Plan, 'source'>): string[] {
  return 'vdiskId' in source ? [source.vdiskId] : [];
}

const fetchImage: Step<Plan> = {
  name: 'fetch',
  async run({ host, plan, signal, progress }) {
    const kept = await fetchedFrom(host, plan, { signal, onProgress: progress });
    const { path, format, virtualSizeBytes, fileBytes, checksum } = kept;
    await host.inventory.transact((tx) =>
      tx.patch('image', plan.imageId, { path, format, virtualSizeBytes, fileBytes, checksum }),
    );
  },
  undo: ({ host, plan }) => host.images.remove(plan.imageId),
};

async function fetchedFrom(host: Host, { imageId, source }: Plan, options: TaskOptions) {
  if (!('vdiskId' in source)) return host.images.register(imageId, source, options);
  const vdisk = host.inventory.get('vdisk', source.vdiskId)!;
  return host.images.registerVolume(imageId, { path: vdisk.path!, format: vdisk.format! }, options);
}

export const registerDiskImage = defineOperation<typeof params, Plan>({
  definition,
  locks(host, { uri }) {
    const vdiskId = vdiskNamed(uri);
    return vdiskId === undefined ? [] : [`vdisk/${find(host.inventory, 'vdisk', vdiskId).id}`];
  },
  locksAtBegin(host, { uri }) {
    const vdiskId = vdiskNamed(uri);
    return vdiskId === undefined ? [] : ownerKeys(host, vdiskId);
  },
  begin,
  steps: [fetchImage],
  finish(tx, { imageId, source }) {
    endCopying(tx, readBy({ source }));
    tx.patch('image', imageId, { state: 'available' });
    const image = tx.get('image', imageId)!;
    tx.event('image.registered', { image: imageId }, { name: image.name, checksum: image.checksum });
    return imageAttributes(image);
  },
  abandon(tx, { imageId, source }, error) {
    endCopying(tx, readBy({ source }));
    tx.remove('image', imageId);
    tx.event('image.register-failed', { image: imageId }, { code: error.code, message: error.message });
  },
});
