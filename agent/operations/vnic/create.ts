// createVNIC: a further VNIC for a VServer, running (hot-plug) or inactive.
import { type Static, Type } from '@sinclair/typebox';
import type { MethodDefinition } from '../../methods.ts';
import { vnicAttributes } from '../../queries/attributes.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { Reference } from '../../resources/names.ts';
import { SecurityList, VNicAttributes } from '../../resources/vnet.ts';
import { find } from '../find.ts';
import { type BeginContext, defineOperation } from '../kind.ts';
import { machineNic, vnicPlan } from '../machine.ts';
import { operationParams } from '../parameters.ts';
import { requireState } from '../transitions.ts';
import { refuseTooMany } from '../vserver/by-type.ts';
import { insertMedia, renewMedia, writeMedia } from '../vserver/media.ts';
import { reserveNic } from '../vserver/reserve.ts';
import { removeNic, UNPLUG_MS, type VNicPlanState, vnicOf } from './steps.ts';

const params = operationParams({
  vserverId: Reference,
  vnetId: Reference,
  ipv4Address: Type.Optional(Type.String({ format: 'ipv4' })),
  ipv6Address: Type.Optional(Type.String({ format: 'ipv6' })),
  securityList: Type.Optional(SecurityList),
});

const definition: MethodDefinition<typeof params> = {
  name: 'createVNIC',
  summary: 'Gives a VServer a further VNIC, running or inactive.',
  right: 'operate',
  kind: 'operation',
  params,
  result: VNicAttributes,
  http: { verb: 'POST', path: '/v1/vnics' },
};

function begin({ host, tx, params: asked }: BeginContext<Static<typeof params>>): VNicPlanState {
  const vserver = find(tx, 'vserver', asked.vserverId);
  requireState(vserver, ['inactive', 'running'], 'given a VNIC');
  const ids = { vserver: vserver.id };
  if (vserver.state === 'running' && !host.hypervisor.features.nicHotplug) {
    throw new InnkeeperError('unsupported', 'This hypervisor adds VNICs only to inactive VServers.', ids);
  }
  const vnicId = reserveNic(tx, vserver.id, asked, host.config.prefix);
  refuseTooMany(tx, host.config, vserver);
  return { vnicId };
}

export const createVNIC = defineOperation<typeof params, VNicPlanState>({
  definition,
  locks: (host, { vserverId }) => [`vserver/${find(host.inventory, 'vserver', vserverId).id}`],
  begin,
  steps: [
    {
      name: 'isolate',
      run: ({ host, plan }) =>
        host.network.ensureVNic(vnicPlan(host.config, host.inventory, vnicOf(host, plan))),
      undo: ({ host, plan }) => removeNic(host, plan),
    },
    {
      name: 'attach',
      async run({ host, plan }) {
        const vnic = vnicOf(host, plan);
        const { domain } = host.inventory.get('vserver', vnic.vserverId)!;
        await host.hypervisor.attachNic(domain, machineNic(host.config, host.inventory, vnic));
      },
      async undo({ host, plan }) {
        const vnic = vnicOf(host, plan);
        const { domain } = host.inventory.get('vserver', vnic.vserverId)!;
        await host.hypervisor.detachNic(domain, vnic.mac, UNPLUG_MS);
      },
    },
    {
      name: renewMedia.name,
      run: (context) =>
        renewMedia.run({ ...context, plan: { vserverId: vnicOf(context.host, context.plan).vserverId } }),
      // The VNIC leaves the inventory after this.
      async undo({ host, plan: { vnicId } }) {
        const { inventory } = host;
        const vserver = inventory.get('vserver', inventory.get('vnic', vnicId)!.vserverId)!;
        const list: typeof inventory.list = (kind) => inventory.list(kind).filter(({ id }) => id !== vnicId);
        await writeMedia(host, vserver, { get: (kind, id) => inventory.get(kind, id), list });
        await insertMedia(host, vserver);
      },
    },
  ],
  finish(tx, { vnicId }) {
    const vnic = tx.get('vnic', vnicId)!;
    tx.event('vnic.created', { vnic: vnicId, vserver: vnic.vserverId, vnet: vnic.vnetId });
    return vnicAttributes(tx, vnic);
  },
  abandon: (tx, { vnicId }) => tx.remove('vnic', vnicId),
});
