// updateVServer: another type (while inactive), or whether it comes back after a host reboot.
import { type Static, Type } from '@sinclair/typebox';
import { admit } from '../../capacity/admission.ts';
import { askedNeeds } from '../../capacity/needs.ts';
import type { MethodDefinition } from '../../methods.ts';
import { type VServer, VServerAttributes } from '../../resources/vserver.ts';
import { findType } from '../find.ts';
import { type BeginContext, defineOperation } from '../kind.ts';
import { operationParams, vserverId as reference } from '../parameters.ts';
import { requireState } from '../transitions.ts';
import { lockVServer, shown, target } from './definition.ts';
import { define, type VServerPlan } from './steps.ts';

const params = operationParams({
  ...reference,
  type: Type.Optional(Type.String({ description: 'Name of a VServerType; the VServer must be inactive.' })),
  autostart: Type.Optional(Type.Boolean()),
});

const definition: MethodDefinition<typeof params> = {
  name: 'updateVServer',
  summary: 'Gives an inactive VServer another type, or changes whether it comes back after a host reboot.',
  right: 'operate',
  kind: 'operation',
  params,
  result: VServerAttributes,
  http: { verb: 'PATCH', path: '/v1/vservers/{vserverId}' },
};

interface Plan extends VServerPlan {
  /** What it was, for the way back. */
  before: Pick<VServer, 'vserverType' | 'vcpus' | 'memoryMiB' | 'autostart' | 'needs' | 'placement'>;
}

function begin({ host, tx, params: asked }: BeginContext<Static<typeof params>>): Plan {
  const vserver = target(tx, asked);
  const { vserverType, vcpus, memoryMiB, autostart, needs, placement } = vserver;
  if (asked.type !== undefined) {
    requireState(vserver, ['inactive'], 'given another type');
    const type = findType(host.config, asked.type);
    const asks = { vcpus: type.vcpus, memoryMiB: type.memory_mib, needs: askedNeeds(host, type) };
    const place =
      vserver.power === 'on'
        ? admit(tx, host.config.capacity, host.totals, asks, { except: vserver.id })
        : undefined;
    tx.patch('vserver', vserver.id, { ...asks, vserverType: type.name, placement: place });
  }
  if (asked.autostart !== undefined) tx.patch('vserver', vserver.id, { autostart: asked.autostart });
  const before = {
    vserverType,
    vcpus,
    memoryMiB,
    autostart,
    ...(needs ? { needs } : {}),
    ...(placement ? { placement } : {}),
  };
  return { vserverId: vserver.id, before };
}

export const updateVServer = defineOperation<typeof params, Plan>({
  definition,
  locks: lockVServer,
  begin,
  steps: [
    {
      name: 'define',
      // A running machine keeps its definition: only what does not show in it can have changed.
      async run(context) {
        const { state } = context.host.inventory.get('vserver', context.plan.vserverId)!;
        if (state === 'inactive') await define.run(context);
      },
    },
  ],
  finish(tx, { vserverId }) {
    tx.event('vserver.updated', { vserver: vserverId }, { type: tx.get('vserver', vserverId)!.vserverType });
    return shown(tx, vserverId);
  },
  abandon: (tx, { vserverId, before }) =>
    tx.patch('vserver', vserverId, { ...before, needs: before.needs, placement: before.placement }),
});
