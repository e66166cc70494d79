// The structures that several procedures share, and the limits the protocol sets on lists.
import { int, list, optional, type Static, struct, text, uuid } from '../rpc/codec.ts';

/** Names and numbers by which a domain is addressed; libvirt looks at the UUID. `id` is -1 when it is off. */
export const domainRef = struct({ name: text, uuid, id: int });
export type DomainRef = Static<typeof domainRef>;

export const networkRef = struct({ name: text, uuid });
export type NetworkRef = Static<typeof networkRef>;

export const storagePoolRef = struct({ name: text, uuid });
export type StoragePoolRef = Static<typeof storagePoolRef>;

/** `key` is unique on the host; for files it is the path. */
export const storageVolRef = struct({ pool: text, name: text, key: text });
export type StorageVolRef = Static<typeof storageVolRef>;

/** `remote_error`: the body of a reply whose status is error. */
export const remoteError = struct({
  code: int,
  domain: int,
  message: optional(text),
  level: int,
  dom: optional(domainRef),
  str1: optional(text),
  str2: optional(text),
  str3: optional(text),
  int1: int,
  int2: int,
  net: optional(networkRef),
});

/** REMOTE_DOMAIN_LIST_MAX and its siblings. */
export const LIST_MAX = {
  domains: 16_384,
  networks: 16_384,
  pools: 4_096,
  volumes: 16_384,
  stats: 262_144,
  params: 64,
  interfaces: 2_048,
  addresses: 2_048,
  memoryStats: 1_024,
  nodeMemoryStats: 16,
  nodeCells: 1_024,
  authTypes: 20,
} as const;

export const domainList = list(domainRef, LIST_MAX.domains);
