// The one source of facts about a guest; DHCP, the metadata service and every context medium render it.

export interface GuestAddress {
  address: string;
  prefixLength: number;
  /** Absent where the VNet has no way out. */
  gateway?: string;
}

export interface GuestNic {
  vnicId: string;
  vnetId: string;
  /** Name of the VNet as its owner gave it; for `$NIC[IP, NETWORK="x"]`. */
  vnetName: string;
  /** Smallest unused number on the VServer; 0 is the NIC the guest boots by. */
  position: number;
  /** Lower case, colons. */
  mac: string;
  mtu: number;
  ipv4?: GuestAddress;
  ipv6?: GuestAddress;
  /** What the outside reaches this NIC by, if anything: translated one to one, the guest itself does not have it. */
  publicIpv4?: string;
  publicIpv6?: string;
  /** Resolvers handed out, IPv4 and IPv6 mixed. */
  dnsServers: string[];
  searchDomains: string[];
  ntpServers: string[];
}

export interface GuestFacts {
  vserverId: string;
  /** Name as its owner gave it. */
  name: string;
  /** RFC 1123 host name (a single label or a full name), made from the name if none was given. */
  hostname: string;
  /** The domain's UUID; also EC2/OpenStack instance uuid. */
  uuid: string;
  /** Changes when the VServer is made anew from its image; cloud-init's instance-id. */
  instanceId: string;
  creator: string;
  vserverType: string;
  diskImageId: string;
  productIds: string[];
  /** ISO 8601 UTC. */
  createTime: string;
  /** Byte for byte what the user gave; empty if nothing. */
  userData: Uint8Array;
  vendorData: Uint8Array;
  /** OpenSSH public key lines. */
  sshKeys: string[];
  /** RSA public key (PEM or OpenSSH) the guest may encrypt its password for, if the creator gave one. */
  passwordKey?: string;
  /** Custom variables (OpenNebula CONTEXT, OVF properties, metadata "meta"). */
  variables: Record<string, string>;
  /** Sorted by position. */
  nics: GuestNic[];
  /** Whether EC2-style requests without an IMDSv2 token are answered. */
  allowImdsV1: boolean;
}
