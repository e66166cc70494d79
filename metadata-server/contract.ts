// What the metadata server is given and what it tells: plain values, no knowledge of the agent.
import type { GuestFacts, GuestNic } from '../contextualization/guest-facts.ts';

/** The address every guest finds its configuration at, over IPv4. */
export const METADATA_ADDRESS = '169.254.169.254';
/** The same over IPv6 (EC2's choice, so that existing clients know it). */
export const METADATA_ADDRESS_V6 = 'fd00:ec2::254';

/** One NIC and the VServer it belongs to: who is asking. */
export interface Guest {
  facts: GuestFacts;
  nic: GuestNic;
}

/** Answers from memory and at once: DHCP and HTTP never wait for a disk to learn who is asking. */
export interface GuestDirectory {
  /** @param mac lower case, colons */
  byMac(vnetId: string, mac: string): Guest | undefined;
  /** @param address IPv4 dotted, or IPv6 in canonical (RFC 5952) text */
  byAddress(vnetId: string, address: string): Guest | undefined;
  /** Stores the initial password once; 'already' if one is there. */
  storeInitialPassword(
    vserverId: string,
    password: Uint8Array,
    how: 'clear' | 'encrypted',
  ): Promise<'stored' | 'already'>;
  /** What OpenStack's GET password shows: the one posted encrypted, base64; undefined if there is none. */
  encryptedPassword(vserverId: string): string | undefined;
}

/** A gateway address inside the namespace, and the subnet behind it. */
export interface ServedSubnet {
  address: string;
  prefixLength: number;
}

/** A VNet to serve. Its namespace, device and addresses must be there already. */
export interface ServedNetwork {
  vnetId: string;
  /** Name as in `ip netns`. */
  namespace: string;
  /**
   * Interface inside the namespace that carries the gateway addresses. For IPv6 it must have the interface index of
   * some interface of the agent's own namespace (its other veth end is the natural one): Node turns the zone of a
   * link-local peer into a name and back in the agent's namespace, and drops the datagram when there is no such index.
   */
  device: string;
  ipv4?: ServedSubnet;
  ipv6?: ServedSubnet;
  mtu: number;
  /** Lease time handed out; the address itself never changes. */
  leaseSeconds: number;
  /** Relay agents (their `giaddr`) whose DHCPv4 messages are answered, through them; none unless named. */
  relays?: string[];
  /** Where machines that boot from the network (PXE, iPXE) are sent; the others are not told. */
  pxe?: { server: string; file: string };
  /** What router advertisements name; DHCP hands out those of the guest's own facts. */
  dnsServers?: string[];
  searchDomains?: string[];
}

/** The part of pino that is used. */
export interface Log {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Bounds on what guests may use up. */
export interface Limits {
  /** DHCP messages of one MAC answered in a burst, and per second afterwards. */
  dhcpBurst: number;
  dhcpPerSecond: number;
  /** MACs remembered per VNet for rate limiting and counters; the longest unseen goes first. */
  dhcpClients: number;
  /** HTTP requests of one guest answered in a burst, and per second afterwards. */
  httpBurst: number;
  httpPerSecond: number;
  /** Open connections of one guest address, and of one VNet. */
  connectionsPerGuest: number;
  connectionsPerNetwork: number;
  /** Largest request body, bytes. */
  bodyBytes: number;
  /** Largest request head, bytes. */
  headerBytes: number;
  /** Time to send a whole request head, a whole request, and between requests of one connection; milliseconds. */
  headersMs: number;
  requestMs: number;
  idleMs: number;
  /** Longest life of a connection whatever it does; milliseconds. */
  connectionMs: number;
  /** Openers running side by side when many networks are added at once. */
  openers: number;
  /** How long one opener may take to open a namespace's sockets; milliseconds. */
  openMs: number;
}

export const DEFAULT_LIMITS: Readonly<Limits> = {
  dhcpBurst: 20,
  dhcpPerSecond: 5,
  dhcpClients: 4096,
  httpBurst: 500,
  httpPerSecond: 200,
  connectionsPerGuest: 32,
  connectionsPerNetwork: 1024,
  bodyBytes: 4096,
  headerBytes: 8192,
  headersMs: 5_000,
  requestMs: 10_000,
  idleMs: 5_000,
  connectionMs: 120_000,
  openers: 4,
  openMs: 30_000,
};

export type MetadataErrorCode = 'not-found' | 'conflict' | 'invalid' | 'internal';

/** The one error this part throws; its codes are a subset of the product's. */
export class MetadataError extends Error {
  override readonly name = 'MetadataError';
  readonly code: MetadataErrorCode;

  constructor(code: MetadataErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
