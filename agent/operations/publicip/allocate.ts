// allocatePublicIP and freePublicIP: an address of the provider's range is set aside, or given back.
import { type Static, Type } from '@sinclair/typebox';
import { isPublicAddress, nextPublicAddress, readAddress } from '../../addressing/public.ts';
import type { MethodDefinition } from '../../methods.ts';
import { publicIpAttributes } from '../../queries/attributes.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { newId } from '../../resources/names.ts';
import { Protocol, PublicIpAttributes } from '../../resources/public-ip.ts';
import { find } from '../find.ts';
import { type BeginContext, defineOperation } from '../kind.ts';
import { operationParams, publicIpId } from '../parameters.ts';
import { inetOf } from './steps.ts';

const allocateParams = operationParams({
  protocol: Type.Optional(Protocol),
  address: Type.Optional(
    Type.String({ format: 'ip', description: 'One of the configured ranges; the lowest free one if absent' }),
  ),
});

const allocateDefinition: MethodDefinition<typeof allocateParams> = {
  name: 'allocatePublicIP',
  summary: "Sets an address of the provider's network aside, to be attached to a VNIC.",
  right: 'operate',
  kind: 'operation',
  params: allocateParams,
  result: PublicIpAttributes,
  http: { verb: 'POST', path: '/v1/public-ips' },
};

/** @throws InnkeeperError `unsupported`, `invalid`, `conflict`, `no-capacity` */
function chosen({ host, tx, params }: BeginContext<Static<typeof allocateParams>>) {
  const inet = inetOf(host);
  const taken = new Set(tx.list('publicip').map(({ address }) => address));
  if (params.address === undefined) {
    const protocol = params.protocol ?? 'ipv4';
    const address = nextPublicAddress(inet, protocol, taken);
    if (address !== undefined) return { protocol, address };
    throw new InnkeeperError('no-capacity', `No public ${protocol} address of this host is left.`);
  }
  const asked = readAddress(params.address);
  const wanted = params.protocol ?? asked?.protocol;
  if (!asked || asked.protocol !== wanted || !isPublicAddress(inet, asked.protocol, asked.address)) {
    const why = `${params.address} is not in this host's ranges of public ${wanted ?? ''} addresses.`;
    throw new InnkeeperError('invalid', why);
  }
  if (!taken.has(asked.address)) return asked;
  throw new InnkeeperError('conflict', `${asked.address} is allocated already.`);
}

export const allocatePublicIP = defineOperation<typeof allocateParams, { publicIpId: string }>({
  definition: allocateDefinition,
  locks: () => [],
  begin(context) {
    const id = newId('publicip');
    const createTime = new Date().toISOString();
    context.tx.put('publicip', { id, ...chosen(context), creator: context.caller.name, createTime });
    return { publicIpId: id };
  },
  steps: [],
  finish(tx, { publicIpId: id }) {
    const publicIp = tx.get('publicip', id)!;
    tx.event('publicip.allocated', { publicip: id }, { address: publicIp.address });
    return publicIpAttributes(tx, publicIp);
  },
  abandon: (tx, { publicIpId: id }) => tx.remove('publicip', id),
});

const freeParams = operationParams(publicIpId);

const freeDefinition: MethodDefinition<typeof freeParams> = {
  name: 'freePublicIP',
  summary: 'Gives a PublicIP back; refused while a VNIC has it.',
  right: 'operate',
  kind: 'operation',
  params: freeParams,
  result: Type.Object({ publicIpId: Type.String() }),
  http: { verb: 'DELETE', path: '/v1/public-ips/{publicIpId}' },
};

export const freePublicIP = defineOperation<typeof freeParams, { publicIpId: string; address: string }>({
  definition: freeDefinition,
  locks: (host, params) => [`publicip/${find(host.inventory, 'publicip', params.publicIpId).id}`],
  begin({ tx, params }) {
    const { id, address, vnicId } = find(tx, 'publicip', params.publicIpId);
    if (vnicId === undefined) return { publicIpId: id, address };
    const why = `PublicIP ${address} is attached to VNIC ${vnicId}; detach it first.`;
    throw new InnkeeperError('wrong-state', why, { publicip: id, vnic: vnicId });
  },
  steps: [],
  finish(tx, { publicIpId: id, address }) {
    tx.remove('publicip', id);
    tx.event('publicip.freed', { publicip: id }, { address });
    return { publicIpId: id };
  },
  abandon() {},
  forwardOnly: true,
});
