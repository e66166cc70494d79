// createVServer: reserve, provision the system disk, isolate, build the media, define, boot.
import { randomUUID } from 'node:crypto';
import { Type } from '@sinclair/typebox';
import { admit, admitDisk } from '../../capacity/admission.ts';
import { nicsOf } from '../../guest-facts.ts';
import type { MethodDefinition } from '../../methods.ts';
import { vserverAttributes } from '../../queries/attributes.ts';
import type { DiskImage } from '../../resources/disk-image.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { Name, newId, Reference } from '../../resources/names.ts';
import { ContextKind, VServerAttributes } from '../../resources/vserver.ts';
import { find, findType, refuseTakenName } from '../find.ts';
import { type BeginContext, defineOperation } from '../kind.ts';
import { disksOf } from '../machine.ts';
import { operationParams } from '../parameters.ts';
import { moveVServer } from '../transitions.ts';
import { provision } from '../vdisk/steps.ts';
import { hostnameOf, reserveNic, VNicRequest } from './reserve.ts';
import { boot, buildMedia, define, isolate } from './steps.ts';

const params = operationParams({
  name: Name,
  type: Type.String({ description: 'Name of a VServerType.' }),
  imageId: Reference,
  vnics: Type.Array(VNicRequest, { maxItems: 8, default: [] }),
  userData: Type.Optional(
    Type.String({
      contentEncoding: 'base64',
      pattern: '^[A-Za-z0-9+/\\s]*={0,2}\\s*$',
      description: 'Base64',
    }),
  ),
  hostname: Type.Optional(
    Type.String({
      pattern:
        '^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$',
      maxLength: 253,
      description: 'A host name (RFC 1123)',
    }),
  ),
  sshKeys: Type.Optional(
    Type.Array(Type.String({ maxLength: 16_384, pattern: '^[^\\n\\r\\0]+$' }), { maxItems: 64 }),
  ),
  passwordKey: Type.Optional(Type.String({ maxLength: 16_384 })),
  context: Type.Optional(Type.Array(ContextKind, { maxItems: 4, uniqueItems: true })),
  variables: Type.Optional(
    Type.Record(
      Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]{0,63}$' }),
      Type.String({ maxLength: 65_536 }),
      {
        additionalProperties: false,
        maxProperties: 256,
      },
    ),
  ),
  pool: Type.Optional(Name),
  boot: Type.Optional(Type.Boolean({ description: 'false: leave it inactive' })),
  autostart: Type.Optional(Type.Boolean({ description: 'Start again after a host reboot; default true' })),
});

const definition: MethodDefinition<typeof params> = {
  name: 'createVServer',
  summary: 'Makes a VServer from a DiskImage, with its disk and VNICs, and boots it unless asked not to.',
  right: 'operate',
  kind: 'operation',
  params,
  result: VServerAttributes,
  http: { verb: 'POST', path: '/v1/vservers' },
};

interface Plan {
  vserverId: string;
  vdiskId: string;
  boot: boolean;
}

type Begin = BeginContext<import('@sinclair/typebox').Static<typeof params>>;

function begin({ host, tx, params: asked, caller }: Begin): Plan {
  const { config, totals } = host;
  refuseTakenName(tx, 'vserver', asked.name);
  const type = findType(config, asked.type);
  const image = availableImage(find(tx, 'image', asked.imageId));
  const userData = checkedUserData(asked.userData ?? '', config.user_data_max_bytes);
  const pool = asked.pool ?? config.pool[0]!.name;
  const sizeBytes = Math.max(image.virtualSizeBytes!, Math.round((type.disk_gb ?? 0) * 2 ** 30));
  admit(tx, config.capacity, totals, { vcpus: type.vcpus, memoryMiB: type.memory_mib });
  admitDisk(tx, config.capacity, totals, pool, sizeBytes);

  const id = newId('vserver');
  const createTime = new Date().toISOString();
  tx.put('vserver', {
    id,
    name: asked.name,
    creator: caller.name,
    createTime,
    vserverType: type.name,
    imageId: image.id,
    hostname: asked.hostname ?? hostnameOf(asked.name),
    userData,
    sshKeys: asked.sshKeys ?? [],
    ...(asked.passwordKey ? { passwordKey: asked.passwordKey } : {}),
    variables: asked.variables ?? {},
    context: asked.context ?? ['opennebula'],
    uuid: newUuid(asked.context ?? []),
    domain: `${config.prefix}-${id}`,
    state: 'creating',
    power: 'on',
    reason: 'asked for',
    condition: 'busy',
    autostart: asked.autostart ?? true,
    vcpus: type.vcpus,
    memoryMiB: type.memory_mib,
  });
  const vdiskId = newId('vdisk');
  tx.put('vdisk', {
    id: vdiskId,
    name: `${asked.name}-0`,
    creator: caller.name,
    createTime,
    sizeBytes,
    kind: 'default',
    imageId: image.id,
    pool,
    attachedTo: id,
    position: 0,
    creating: true,
  });
  for (const request of asked.vnics ?? []) reserveNic(tx, id, request, config.prefix);
  tx.event('vserver.creating', { vserver: id }, { name: asked.name, type: type.name, creator: caller.name });
  return { vserverId: id, vdiskId, boot: asked.boot ?? true };
}

export const createVServer = defineOperation<typeof params, Plan>({
  definition,
  locks: () => [],
  begin,
  steps: [
    provision,
    isolate,
    buildMedia,
    define,
    {
      name: boot.name,
      run: async (context) => (context.plan.boot ? boot.run(context) : undefined),
      undo: boot.undo!,
    },
  ],
  finish(tx, plan, host) {
    tx.patch('vdisk', plan.vdiskId, { creating: undefined });
    moveVServer(tx, plan.vserverId, { state: 'inactive', reason: 'created' });
    if (plan.boot) moveVServer(tx, plan.vserverId, { state: 'running', reason: 'started: asked for' });
    tx.event('vserver.created', { vserver: plan.vserverId });
    return vserverAttributes(tx, host.config, tx.get('vserver', plan.vserverId)!);
  },
  abandon(tx, plan, error) {
    for (const vdisk of disksOf(tx, plan.vserverId)) tx.remove('vdisk', vdisk.id);
    for (const vnic of nicsOf(tx, plan.vserverId)) tx.remove('vnic', vnic.id);
    tx.remove('vserver', plan.vserverId);
    tx.event(
      'vserver.create-failed',
      { vserver: plan.vserverId },
      { code: error.code, message: error.message },
    );
  },
});

/** cloud-init takes a machine for EC2 only if its UUID begins with these digits. */
function newUuid(context: ContextKind[]): string {
  const uuid = randomUUID();
  return context.includes('ec2') ? `ec2${uuid.slice(3)}` : uuid;
}

function availableImage(image: DiskImage): DiskImage {
  if (image.state === 'available') return image;
  throw new InnkeeperError('wrong-state', `DiskImage ${image.name} is still being registered.`, {
    image: image.id,
  });
}

function checkedUserData(base64: string, limit: number): string {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length > limit) {
    throw new InnkeeperError('invalid', `The user data has ${bytes.length} bytes; this host takes ${limit}.`);
  }
  return bytes.toString('base64');
}
