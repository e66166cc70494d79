// createVServer: reserve, provision the system disk, isolate, build the media, define, boot.
import { randomUUID } from 'node:crypto';
import type { Static } from '@sinclair/typebox';
import { admit, admitDisk } from '../../capacity/admission.ts';
import { askedNeeds } from '../../capacity/needs.ts';
import { nicsOf } from '../../guest/facts.ts';
import type { MethodDefinition } from '../../methods.ts';
import { vserverAttributes } from '../../queries/attributes.ts';
import type { DiskImage } from '../../resources/disk-image.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { newId } from '../../resources/names.ts';
import { type ContextKind, VServerAttributes } from '../../resources/vserver.ts';
import { find, findType, refuseTakenName } from '../find.ts';
import { type BeginContext, defineOperation } from '../kind.ts';
import { disksOf } from '../machine.ts';
import { moveVServer } from '../transitions.ts';
import { provision } from '../vdisk/steps.ts';
import { defaultSizes, provisionDefaults, refuseTooMany, reserveDisks, wantedNics } from './by-type.ts';
import { checkedData, params } from './create-params.ts';
import { buildMedia, checkMedia } from './media.ts';
import { hostnameOf, reserveNic } from './reserve.ts';
import { boot, define, isolate } from './steps.ts';

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

type Asked = Static<typeof params>;
type Begin = BeginContext<Asked>;

function begin({ host, tx, params: asked, caller }: Begin): Plan {
  const { config, totals } = host;
  refuseTakenName(tx, 'vserver', asked.name);
  const type = findType(config, asked.type);
  const image = availableImage(find(tx, 'image', asked.imageId));
  const data = checkedData(asked, config.user_data_max_bytes);
  const pool = asked.pool ?? config.pool[0]!.name;
  const systemBytes = Math.max(image.virtualSizeBytes!, Math.round((type.disk_gb ?? 0) * 2 ** 30));
  const needs = askedNeeds(host, type);
  const asks = { vcpus: type.vcpus, memoryMiB: type.memory_mib, needs };
  const placement = admit(tx, config.capacity, totals, asks);
  const moreBytes = defaultSizes(type);
  const allBytes = moreBytes.reduce((sum, bytes) => sum + bytes, systemBytes);
  admitDisk(tx, config.capacity, totals, pool, allBytes);

  const id = newId('vserver');
  tx.put('vserver', {
    id,
    name: asked.name,
    creator: caller.name,
    createTime: new Date().toISOString(),
    vserverType: type.name,
    imageId: image.id,
    productIds: image.productIds,
    hostname: asked.hostname ?? hostnameOf(asked.name),
    userData: '',
    ...data,
    ...(asked.imds ? { imds: asked.imds } : {}),
    sshKeys: asked.sshKeys ?? [],
    ...(asked.passwordKey ? { passwordKey: asked.passwordKey } : {}),
    variables: asked.variables ?? {},
    context: asked.context ?? ['opennebula'],
    ...(image.guestType ? { guestType: image.guestType } : {}),
    uuid: newUuid(asked.context ?? []),
    domain: `${config.prefix}-${id}`,
    state: 'creating',
    power: 'on',
    reason: 'asked for',
    condition: 'busy',
    autostart: asked.autostart ?? true,
    vcpus: type.vcpus,
    memoryMiB: type.memory_mib,
    ...(needs ? { needs } : {}),
    ...(placement ? { placement } : {}),
  });
  const made = tx.get('vserver', id)!;
  const vdiskId = reserveDisks(tx, made, { pool, systemBytes, moreBytes });
  for (const request of wantedNics(asked.vnics, type)) reserveNic(tx, id, request, config.prefix);
  refuseTooMany(tx, config, made);
  checkMedia(tx, config, made);
  tx.event('vserver.creating', { vserver: id }, { name: asked.name, type: type.name, creator: caller.name });
  return { vserverId: id, vdiskId, boot: asked.boot ?? true };
}

export const createVServer = defineOperation<typeof params, Plan>({
  definition,
  locks: () => [],
  locksOf: ({ vserverId }) => [`vserver/${vserverId}`],
  begin,
  steps: [
    provision,
    provisionDefaults,
    isolate,
    buildMedia,
    define,
    {
      name: boot.name,
      run: async (context) => (context.plan.boot ? boot.run(context) : undefined),
      undo: boot.undo!,
    },
  ],
  finish(tx, plan) {
    for (const { id } of disksOf(tx, plan.vserverId)) tx.patch('vdisk', id, { creating: undefined });
    moveVServer(tx, plan.vserverId, { state: 'inactive', reason: 'created' });
    if (plan.boot) moveVServer(tx, plan.vserverId, { state: 'running', reason: 'started: asked for' });
    tx.event('vserver.created', { vserver: plan.vserverId });
    return vserverAttributes(tx, tx.get('vserver', plan.vserverId)!);
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
