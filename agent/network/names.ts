// Every name this agent gives to a thing of the host's network, derived from a prefix and a resource's id.
import { createHash } from 'node:crypto';
import { InnkeeperError } from '../resources/errors.ts';

/** The interface inside a VNet's namespace that carries the gateway and metadata addresses. */
export const GATEWAY_DEVICE = 'vnet0';

/** The interface inside a VNet's namespace that leads to the host, where the VNet has a way out. */
export const OUT_DEVICE = 'out0';

/** The interface inside a VNet's namespace that is in the provider's network, where a VNIC has a PublicIP. */
export const INET_DEVICE = 'inet0';

/** Link-local address of the configuration service, the one every cloud image asks. */
export const METADATA_IPV4 = '169.254.169.254';

/** The same service over IPv6, as EC2 has it. */
export const METADATA_IPV6 = 'fd00:ec2::254';

/** Names and addresses of one VNet on the host; every interface name has at most 13 characters. */
export interface VNetNames {
  bridge: string;
  namespace: string;
  hostVeth: string;
  /** VLAN or VXLAN device; exists only for those transports. */
  uplink: string;
  /** Host end of the way out; exists only for VNets that have one. */
  wayOut: string;
  /** Host end of the leg in the provider's network; exists only while a VNIC of the VNet has a PublicIP. */
  inetLeg: string;
  /** MAC of the leg, which answers for the public addresses. */
  legMac: string;
  /** The agent's own bridge where there is no provider's; one for all VNets. */
  inetBridge: string;
  /** MAC of the gateway in the namespace: the same on every host and after every recreation. */
  gatewayMac: string;
  /** Fixed, so that the bridge's MAC does not follow its ports. */
  bridgeMac: string;
  /**
   * Index of both ends of the veth pair. Node turns the zone of a link-local address into a name and back in the
   * agent's own namespace, so the gateway's index has to exist there too; the kernel counts from one, this is far above.
   */
  linkIndex: number;
}

/** Name of a VNIC's tap, and its MAC. */
export interface VNicNames {
  device: string;
  mac: string;
}

/** Throws `invalid` unless `prefix` is two to four lower-case letters. */
export function checkPrefix(prefix: string): void {
  if (!/^[a-z]{2,4}$/.test(prefix)) {
    throw new InnkeeperError(
      'invalid',
      `The network prefix '${prefix}' must be two to four lower-case letters.`,
    );
  }
}

/** The eight hexadecimal digits of an id such as `vnet-1a2b3c4d`. */
function digits(id: string, kind: 'vnet' | 'vnic'): string {
  const found = /^(vnet|vnic)-([0-9a-f]{8})$/.exec(id);
  if (found?.[1] !== kind || found[2] === undefined) {
    throw new InnkeeperError(
      'invalid',
      `'${id}' is not an id of a ${kind}: expected ${kind}- and 8 hex digits.`,
    );
  }
  return found[2];
}

const octets = (hex: string): string => hex.replace(/(..)(?=.)/g, '$1:');

/** Thirty bits that depend on agent and VNet, above what the kernel will ever count to. */
function linkIndex(name: string): number {
  const digest = createHash('sha256').update(name).digest();
  return 0x4000_0000 + (digest.readUInt32BE() & 0x3fff_ffff);
}

/**
 * Names of a VNet's parts. No letter that marks a kind of port (t, u, v) is a hexadecimal digit, so the
 * names of an agent with prefix `ik` and of another with `ikt` never match the same pattern.
 */
export function vnetNames(prefix: string, id: string): VNetNames {
  checkPrefix(prefix);
  const hex = digits(id, 'vnet');
  return {
    bridge: `${prefix}b${hex}`,
    namespace: `${prefix}-${hex}`,
    hostVeth: `${prefix}v${hex}`,
    uplink: `${prefix}u${hex}`,
    wayOut: `${prefix}o${hex}`,
    inetLeg: `${prefix}i${hex}`,
    legMac: `0a:69:${octets(hex)}`,
    inetBridge: `${prefix}inet`,
    gatewayMac: `02:69:${octets(hex)}`,
    bridgeMac: `06:69:${octets(hex)}`,
    linkIndex: linkIndex(`${prefix}-${hex}`),
  };
}

/** Tap name and MAC of a VNIC; 52:54 is the range QEMU's users know as virtual. */
export function vnicNames(prefix: string, id: string): VNicNames {
  checkPrefix(prefix);
  const hex = digits(id, 'vnic');
  return { device: `${prefix}t${hex}`, mac: `52:54:${octets(hex)}` };
}
