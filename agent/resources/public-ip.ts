// PublicIPs: addresses of the provider's network that are lent to VNICs.
import { type Static, Type } from '@sinclair/typebox';

export const Protocol = Type.Union([Type.Literal('ipv4'), Type.Literal('ipv6')]);
export type Protocol = Static<typeof Protocol>;

export interface PublicIp {
  id: string;
  /** IPv6 in canonical form (RFC 5952). */
  address: string;
  protocol: Protocol;
  creator: string;
  createTime: string;
  /** The VNIC it is attached to. */
  vnicId?: string;
  /** While it is attached or detached; what is being detached no longer works. */
  busy?: 'attaching' | 'detaching';
}

export const PublicIpAttributes = Type.Object(
  {
    publicIpId: Type.String(),
    address: Type.String(),
    protocol: Protocol,
    creator: Type.String(),
    createTime: Type.String(),
    state: Type.Union([Type.Literal('unattached'), Type.Literal('attached')]),
    vnicId: Type.Optional(Type.String()),
    vserverId: Type.Optional(Type.String()),
    vnetId: Type.Optional(Type.String()),
    /** The VNIC's own address, which the guest uses and sees. */
    ownAddress: Type.Optional(Type.String()),
  },
  { $id: 'PublicIPAttributes' },
);
