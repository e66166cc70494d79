// createVNet: reserves the subnet, makes bridge and namespace, and opens its services.
import { type Static, Type } from '@sinclair/typebox';
import { nextSubnet, parseSubnet } from '../../addresses.ts';
import type { MethodDefinition } from '../../methods.ts';
import { vnetAttributes } from '../../queries/attributes.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { Name, newId } from '../../resources/names.ts';
import { Transport, VNetAttributes } from '../../resources/vnet.ts';
import { refuseTakenName } from '../find.ts';
import { type BeginContext, defineOperation } from '../kind.ts';
import { operationParams } from '../parameters.ts';
import { layNetwork, openServices, type VNetStepPlan } from './steps.ts';

const params = operationParams({
  name: Name,
  ipv4Subnet: Type.Optional(
    Type.String({
      maxLength: 18,
      description: 'Such as 10.1.2.0/24; taken from the host range where absent',
    }),
  ),
  ipv4Gateway: Type.Optional(Type.String({ format: 'ipv4' })),
  mtu: Type.Optional(Type.Integer({ minimum: 576, maximum: 9216 })),
  transport: Type.Optional(Transport),
});

const definition: MethodDefinition<typeof params> = {
  name: 'createVNet',
  summary: 'Makes a virtual network with its own DHCP server and configuration service.',
  right: 'operate',
  kind: 'operation',
  params,
  result: VNetAttributes,
  http: { verb: 'POST', path: '/v1/vnets' },
};

function begin({ host, tx, params: asked, caller }: BeginContext<Static<typeof params>>): VNetStepPlan {
  refuseTakenName(tx, 'vnet', asked.name);
  const ipv4 = asked.ipv4Subnet
    ? parseSubnet(asked.ipv4Subnet, asked.ipv4Gateway)
    : nextSubnet(host.config.network.ipv4_range, tx.list('vnet'));
  if (!ipv4) {
    throw new InnkeeperError(
      'no-capacity',
      `No subnet is left in ${host.config.network.ipv4_range}; give one.`,
    );
  }
  const id = newId('vnet');
  tx.put('vnet', {
    id,
    name: asked.name,
    creator: caller.name,
    createTime: new Date().toISOString(),
    ipv4,
    mtu: asked.mtu ?? host.config.network.mtu,
    transport: asked.transport ?? { type: 'local' },
    busy: 'creating',
  });
  return { vnetId: id };
}

export const createVNet = defineOperation<typeof params, VNetStepPlan>({
  definition,
  locks: () => [],
  begin,
  steps: [layNetwork, openServices],
  finish(tx, { vnetId }, host) {
    tx.patch('vnet', vnetId, { busy: undefined });
    const vnet = tx.get('vnet', vnetId)!;
    tx.event('vnet.created', { vnet: vnetId }, { name: vnet.name });
    return vnetAttributes(tx, host.config, vnet);
  },
  abandon(tx, { vnetId }, error) {
    tx.remove('vnet', vnetId);
    tx.event('vnet.create-failed', { vnet: vnetId }, { code: error.code, message: error.message });
  },
});
