// destroyVServer: everything of it goes, default VDisks with their content; optional VDisks survive.
import { Type } from '@sinclair/typebox';
import type { MethodDefinition } from '../../methods.ts';
import { defineOperation } from '../kind.ts';
import { disksOf } from '../machine.ts';
import { moveVServer } from '../transitions.ts';
import { refuseWhileCopied } from '../vdisk/copying.ts';
import { lockVServer, target, verbParams } from './definition.ts';
import { removeMedia } from './media.ts';
import { forgetSaved } from './save.ts';
import { cutPower, removeNics, undefine, type VServerPlan } from './steps.ts';

const definition: MethodDefinition<typeof verbParams> = {
  name: 'destroyVServer',
  summary: 'Destroys a VServer with its default VDisks and VNICs; optional VDisks are detached and survive.',
  right: 'operate',
  kind: 'operation',
  params: verbParams,
  result: Type.Object({ vserverId: Type.String() }),
  http: { verb: 'DELETE', path: '/v1/vservers/{vserverId}' },
};

export const destroyVServer = defineOperation<typeof verbParams, VServerPlan>({
  definition,
  locks: lockVServer,
  begin({ tx, params }) {
    const { id } = target(tx, params);
    refuseWhileCopied(tx, id);
    moveVServer(tx, id, { condition: 'busy', reason: 'destroy asked for' });
    return { vserverId: id };
  },
  steps: [
    { name: 'cut-power', run: ({ host, plan }) => cutPower(host, plan) },
    { name: 'undefine', run: ({ host, plan }) => undefine(host, plan) },
    { name: 'remove-nics', run: ({ host, plan }) => removeNics(host, plan) },
    {
      name: 'remove-media',
      async run({ host, plan }) {
        await removeMedia(host, plan);
        await forgetSaved(host, plan);
      },
    },
    {
      name: 'remove-disks',
      async run({ host, plan }) {
        for (const vdisk of disksOf(host.inventory, plan.vserverId)) {
          if (vdisk.kind === 'default') await host.pools.get(vdisk.pool)?.remove(vdisk.id);
        }
      },
    },
  ],
  finish(tx, { vserverId }) {
    for (const vdisk of disksOf(tx, vserverId)) {
      if (vdisk.kind === 'default') tx.remove('vdisk', vdisk.id);
      else tx.patch('vdisk', vdisk.id, { attachedTo: undefined, position: undefined });
    }
    tx.remove('vserver', vserverId);
    tx.event('vserver.destroyed', { vserver: vserverId });
    return { vserverId };
  },
  abandon(tx, { vserverId }, error) {
    const reason = `destroying failed half-way, ask for it again: ${error.message}`;
    moveVServer(tx, vserverId, { state: 'error', power: 'off', reason });
  },
  forwardOnly: true,
});
