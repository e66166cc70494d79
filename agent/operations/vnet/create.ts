// createVNet: reserves the subnet, makes bridge and namespace, and opens its services.
import { isIPv6 } from 'node:net';
import { type Static, Type } from '@sinclair/typebox';
import { nextSubnet, parseSubnet, transitPair } from '../../addressing/ipv4.ts';
import { hostRange6, nextSubnet6, parseSubnet6 } from '../../addressing/ipv6.ts';
import type { MethodDefinition } from '../../methods.ts';
import { vnetAttributes } from '../../queries/attributes.ts';
import { InnkeeperError } from '../../resources/errors.ts';
import { Name, newId } from '../../resources/names.ts';
import { type Subnet, Transport, VNetAttributes } from '../../resources/vnet.ts';
import { refuseTakenName } from '../find.ts';
import { type BeginContext, defineOperation } from '../kind.ts';
import { operationParams } from '../parameters.ts';
import { layNetwork, openServices, type VNetStepPlan } from './steps.ts';

const params = operationParams({
  name: Name,
  ipv4Subnet: Type.Optional(
    Type.String({
      maxLength: 18,
      description:
        'Such as 10.1.2.0/24; taken from the host range where absent; `none` for a VNet without IPv4',
    }),
  ),
  ipv4Gateway: Type.Optional(Type.String({ format: 'ipv4' })),
  ipv6Subnet: Type.Optional(
    Type.String({
      maxLength: 43,
      description:
        'Such as fd12:3456:789a:1::/64, or `allocate` for one of the host range; no IPv6 where absent',
    }),
  ),
  ipv6Gateway: Type.Optional(Type.String({ format: 'ipv6' })),
  mtu: Type.Optional(Type.Integer({ minimum: 576, maximum: 9216 })),
  transport: Type.Optional(Transport),
  outbound: Type.Optional(
    Type.Boolean({
      description: 'Guests reach the outside over IPv4, under the address of the host; default false',
    }),
  ),
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

type Begin = BeginContext<Static<typeof params>>;

/** IPv6 guests take nothing smaller (RFC 8200, section 5). */
const LEAST_MTU_IPV6 = 1280;

function subnet4({ host, tx, params: asked }: Begin): Subnet | undefined {
  const range = host.config.network.ipv4_range;
  if (asked.ipv4Subnet === 'none') return undefined;
  const subnet = asked.ipv4Subnet
    ? parseSubnet(asked.ipv4Subnet, asked.ipv4Gateway)
    : nextSubnet(range, tx.list('vnet'));
  if (subnet) return subnet;
  throw new InnkeeperError('no-capacity', `No subnet is left in ${range}; give one.`);
}

function subnet6({ host, tx, params: asked }: Begin): Subnet | undefined {
  if (asked.ipv6Subnet === undefined) return undefined;
  if (asked.ipv6Subnet !== 'allocate') return parseSubnet6(asked.ipv6Subnet, asked.ipv6Gateway);
  const range = host.config.network.ipv6_range ?? hostRange6(host.inventory.hostId);
  const subnet = nextSubnet6(range, tx.list('vnet'));
  if (subnet) return subnet;
  throw new InnkeeperError('no-capacity', `No IPv6 subnet is left in ${range}; give one.`);
}

/** The smallest pair of transit addresses that no VNet has. */
function wayOut({ host, tx }: Begin): number {
  const range = host.config.network.transit_range;
  const taken = new Set(tx.list('vnet').map(({ outbound }) => outbound));
  let pair = 0;
  while (taken.has(pair)) pair++;
  if (transitPair(range, pair)) return pair;
  throw new InnkeeperError('no-capacity', `No way out is left in the transit range ${range}.`);
}

/** What a VXLAN puts around each packet: Ethernet, VXLAN, UDP and IPv4 or IPv6 headers (RFC 7348, section 5). */
function overhead(transport: Transport): number {
  if (transport.type !== 'vxlan') return 0;
  return isIPv6(transport.local) ? 70 : 50;
}

/** Two VNets in one VLAN or VXLAN would be one network, of two tenants. */
function refuseTakenSegment({ tx }: Begin, transport: Transport): void {
  const segment = segmentOf(transport);
  const other = segment && tx.list('vnet').find((vnet) => segmentOf(vnet.transport) === segment);
  if (!other) return;
  const why = `VNet ${other.name} has ${segment} already; two VNets in it would be one network.`;
  throw new InnkeeperError('conflict', why, { vnet: other.id });
}

function segmentOf(transport: Transport): string | undefined {
  if (transport.type === 'vlan') return `VLAN ${transport.id} on ${transport.device}`;
  if (transport.type === 'vxlan') return `VXLAN ${transport.vni} on UDP port ${transport.port ?? 4789}`;
  return undefined;
}

function begin(context: Begin): VNetStepPlan {
  const { host, tx, params: asked, caller } = context;
  refuseTakenName(tx, 'vnet', asked.name);
  const transport = asked.transport ?? { type: 'local' };
  refuseTakenSegment(context, transport);
  const ipv4 = subnet4(context);
  const ipv6 = subnet6(context);
  const mtu = asked.mtu ?? host.config.network.mtu - overhead(transport);
  if (!ipv4 && !ipv6) throw new InnkeeperError('invalid', 'A VNet needs an IPv4 or an IPv6 subnet.');
  if (ipv6 && mtu < LEAST_MTU_IPV6) {
    throw new InnkeeperError('invalid', `IPv6 needs an MTU of at least ${LEAST_MTU_IPV6}, not ${mtu}.`);
  }
  if (asked.outbound && !ipv4)
    throw new InnkeeperError('invalid', 'The way out is for IPv4, which this VNet has not.');
  const id = newId('vnet');
  tx.put('vnet', {
    id,
    name: asked.name,
    creator: caller.name,
    createTime: new Date().toISOString(),
    ...(ipv4 ? { ipv4 } : {}),
    ...(ipv6 ? { ipv6 } : {}),
    mtu,
    ...(asked.outbound ? { outbound: wayOut(context) } : {}),
    transport,
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
