// updateVServer: another type (while inactive), what its guest is told, or whether it comes back after a host reboot.
import { type Static, Type } from '@sinclair/typebox';
import { admit } from '../../capacity/admission.ts';
import { askedNeeds } from '../../capacity/needs.ts';
import type { MethodDefinition } from '../../methods.ts';
import { type VServer, VServerAttributes } from '../../resources/vserver.ts';
import { findType } from '../find.ts';
import { type BeginContext, defineOperation } from '../kind.ts';
import { operationParams, vserverId as reference } from '../parameters.ts';
import { requireState } from '../transitions.ts';
import { checkedData, factParams } from './create-params.ts';
import { lockVServer, shown, target } from './definition.ts';
import { checkMedia, insertMedia, renewMedia, writeMedia } from './media.ts';
import { define, type VServerPlan, vserverOf } from './steps.ts';

const params = operationParams({
  ...reference,
  type: Type.Optional(Type.String({ description: 'Name of a VServerType; the VServer must be inactive.' })),
  autostart: Type.Optional(Type.Boolean()),
  ...factParams,
});

const definition: MethodDefinition<typeof params> = {
  name: 'updateVServer',
  summary:
    'Gives an inactive VServer another type, or changes what its guest is told (its media are renewed) or autostart.',
  right: 'operate',
  kind: 'operation',
  params,
  result: VServerAttributes,
  http: { verb: 'PATCH', path: '/v1/vservers/{vserverId}' },
};

interface Plan extends VServerPlan {
  /** What it was, for the way back. */
  before: Partial<VServer>;
  /** Whether its guest must be told anew. */
  facts: boolean;
}

function begin({ host, tx, params: asked }: BeginContext<Static<typeof params>>): Plan {
  const vserver = target(tx, asked);
  const { vserverType, vcpus, memoryMiB, autostart, needs, placement } = vserver;
  const facts = factsOf(asked, vserver, host.config.user_data_max_bytes);
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
  const changed = Object.keys(facts) as (keyof typeof facts)[];
  if (changed.length === 0) return { vserverId: vserver.id, before, facts: false };
  requireState(vserver, ['inactive', 'running'], 'given other facts');
  tx.patch('vserver', vserver.id, facts);
  checkMedia(tx, host.config, tx.get('vserver', vserver.id)!);
  // Written out where the VServer has none: what is absent from a plan would not come back.
  const old = { ...NO_FACTS, ...vserver };
  return {
    vserverId: vserver.id,
    before: { ...before, ...Object.fromEntries(changed.map((name) => [name, old[name]])) },
    facts: true,
  };
}

const NO_FACTS = { vendorData: '', files: [], imds: 'v1' as const };

/** Those asked for, ready for the inventory. @throws InnkeeperError `invalid` when the data is too long */
function factsOf(asked: Static<typeof params>, vserver: VServer, limit: number) {
  const { hostname, sshKeys, imds, variables } = asked;
  return {
    ...checkedData(asked, limit, vserver),
    ...(hostname === undefined ? {} : { hostname }),
    ...(sshKeys === undefined ? {} : { sshKeys }),
    ...(imds === undefined ? {} : { imds }),
    ...(variables === undefined ? {} : { variables }),
  };
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
    {
      name: renewMedia.name,
      run: async (context) => (context.plan.facts ? renewMedia.run(context) : undefined),
      // `abandon` comes after this: the inventory still has what was asked for.
      async undo({ host, plan }) {
        if (!plan.facts) return;
        const before = { ...vserverOf(host, plan), ...plan.before };
        await writeMedia(host, before);
        await insertMedia(host, before);
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
