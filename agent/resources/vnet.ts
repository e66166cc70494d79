// VNets and VNICs: a virtual Ethernet switch with its subnets, and a VServer's place on it.
import { type Static, Type } from '@sinclair/typebox';

/** Addresses of the other hosts that a VXLAN reaches. */
export const Peers = Type.Array(Type.String({ format: 'ip' }), { maxItems: 1024, uniqueItems: true });

export const Transport = Type.Union(
  [
    Type.Object({ type: Type.Literal('local') }, { additionalProperties: false }),
    Type.Object(
      {
        type: Type.Literal('vlan'),
        device: Type.String({ pattern: '^[A-Za-z0-9._-]{1,15}$' }),
        id: Type.Integer({ minimum: 1, maximum: 4094 }),
      },
      { additionalProperties: false },
    ),
    Type.Object(
      {
        type: Type.Literal('vxlan'),
        vni: Type.Integer({ minimum: 1, maximum: 16777215 }),
        local: Type.String({ format: 'ip' }),
        peers: Type.Union([Peers, Type.Literal('evpn')], {
          description:
            'The other hosts of the VNet, or `evpn`: a speaker on this host tells the kernel where they are',
        }),
        port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535 })),
      },
      { additionalProperties: false },
    ),
  ],
  { description: 'How frames travel between hosts.' },
);
export type Transport = Static<typeof Transport>;

export const SecurityRule = Type.Object(
  {
    direction: Type.Union([Type.Literal('in'), Type.Literal('out')]),
    protocol: Type.Union([
      Type.Literal('tcp'),
      Type.Literal('udp'),
      Type.Literal('icmp'),
      Type.Literal('any'),
    ]),
    fromPort: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 65535,
        description: 'Of the machine that is spoken to; absent: all',
      }),
    ),
    toPort: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535, description: 'Absent: fromPort' })),
    remote: Type.Optional(
      Type.String({
        maxLength: 43,
        description: 'Address or subnet of the other machine; absent: everywhere',
      }),
    ),
  },
  { additionalProperties: false },
);
export type SecurityRule = Static<typeof SecurityRule>;

/** What a VNIC may send and get; the answers to what is allowed are, too. */
export const SecurityList = Type.Array(SecurityRule, {
  maxItems: 64,
  description: 'With a list only what it allows passes, in each direction; without one, everything',
});

export interface Subnet {
  /** Network address. */
  network: string;
  prefixLength: number;
  gateway: string;
}

export interface VNet {
  id: string;
  name: string;
  creator: string;
  createTime: string;
  ipv4?: Subnet;
  ipv6?: Subnet;
  mtu: number;
  transport: Transport;
  /** Its way out, for IPv4: the number of its pair of addresses in the host's transit range. */
  outbound?: number;
  /** While an operation is making or removing it: nobody may put a VNIC on it. */
  busy?: 'creating' | 'destroying';
}

export interface VNic {
  id: string;
  vserverId: string;
  vnetId: string;
  /** Smallest unused number on the VServer. */
  position: number;
  mac: string;
  /** Name of the tap or vif on the host. */
  device: string;
  ipv4?: string;
  ipv6?: string;
  securityList?: SecurityRule[];
}

const SubnetAttributes = Type.Object({
  network: Type.String(),
  prefixLength: Type.Integer(),
  gateway: Type.String(),
});

export const VNetAttributes = Type.Object(
  {
    vnetId: Type.String(),
    name: Type.String(),
    creator: Type.String(),
    createTime: Type.String(),
    ipv4: Type.Optional(SubnetAttributes),
    ipv6: Type.Optional(SubnetAttributes),
    mtu: Type.Integer(),
    transport: Transport,
    outbound: Type.Boolean({
      description: 'Whether guests reach the outside, under the address of the host',
    }),
    vnicIds: Type.Array(Type.String()),
    freeAddresses: Type.Integer(),
    bridge: Type.String(),
    namespace: Type.String(),
  },
  { $id: 'VNetAttributes' },
);

export const VNicAttributes = Type.Object(
  {
    vnicId: Type.String(),
    vserverId: Type.String(),
    vnetId: Type.String(),
    position: Type.Integer(),
    mac: Type.String(),
    device: Type.String(),
    ipv4Address: Type.Optional(Type.String()),
    ipv6Address: Type.Optional(Type.String()),
    publicAddresses: Type.Optional(Type.Array(Type.String(), { description: 'Of its PublicIPs' })),
    securityList: Type.Optional(SecurityList),
  },
  { $id: 'VNicAttributes' },
);
