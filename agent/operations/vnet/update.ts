// updateVNet: the other hosts of a VNet on VXLAN, while its VServers run.
import type { MethodDefinition } from '../../methods.ts';
import { vnetAttributes } from '../../queries/attributes.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { Peers, type Transport, VNetAttributes } from '../../resources/vnet.ts';
import { find } from '../find.ts';
import { defineOperation } from '../kind.ts';
import { operationParams, vnetId } from '../parameters.ts';
import type { VNetStepPlan } from './steps.ts';

const params = operationParams({ ...vnetId, peers: Peers });

const definition: MethodDefinition<typeof params> = {
  name: 'updateVNet',
  summary: 'Replaces the other hosts (peers) that a VNet on VXLAN reaches; running VServers go on.',
  right: 'operate',
  kind: 'operation',
  params,
  result: VNetAttributes,
  http: { verb: 'PATCH', path: '/v1/vnets/{vnetId}' },
};

interface Plan extends VNetStepPlan {
  /** What it was, for the way back. */
  before: Transport;
}

export const updateVNet = defineOperation<typeof params, Plan>({
  definition,
  locks: (host, asked) => [`vnet/${find(host.inventory, 'vnet', asked.vnetId).id}`],
  begin({ tx, params: { vnetId: reference, peers } }) {
    const { id, name, busy, transport } = find(tx, 'vnet', reference);
    const ids = { vnet: id };
    if (busy) throw new InnkeeperError('wrong-state', `VNet ${name} is being made or removed.`, ids);
    if (transport.type !== 'vxlan' || transport.peers === 'evpn') {
      const how = transport.type === 'vxlan' ? 'learns its peers by EVPN' : `is ${transport.type}, not VXLAN`;
      throw new InnkeeperError('unsupported', `VNet ${name} ${how}, so none can be given.`, ids);
    }
    tx.patch('vnet', id, { transport: { ...transport, peers } });
    return { vnetId: id, before: transport };
  },
  steps: [
    {
      name: 'set-peers',
      run({ host, plan }) {
        const { id, transport } = host.inventory.get('vnet', plan.vnetId)!;
        return host.network.setPeers({ id, transport });
      },
      undo: ({ host, plan }) => host.network.setPeers({ id: plan.vnetId, transport: plan.before }),
    },
  ],
  finish(tx, { vnetId: id }, host) {
    const vnet = tx.get('vnet', id)!;
    tx.event('vnet.updated', { vnet: id });
    return vnetAttributes(tx, host.config, vnet);
  },
  abandon: (tx, { vnetId: id, before }) => tx.patch('vnet', id, { transport: before }),
});
