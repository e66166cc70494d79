// Everything served on one VNet: which sockets, in which order, and what answers on each.
import { stat } from 'node:fs/promises';
import {
  type GuestDirectory,
  type Limits,
  type Log,
  METADATA_ADDRESS,
  METADATA_ADDRESS_V6,
  type ServedNetwork,
} from './contract.ts';
import { Dhcp4Service } from './dhcp4/service.ts';
import { Dhcp6Service } from './dhcp6/service.ts';
import { cloudStackPassword, PASSWORD_PORT } from './http/cloudstack.ts';
import type { Services } from './http/message.ts';
import { dialectFor } from './http/routes.ts';
import { HttpService, type Router } from './http/service.ts';
import { BACKLOG, type SocketRequest } from './sockets/messages.ts';
import { openInNamespace } from './sockets/namespace.ts';

const HTTP_PORT = 80;
/**
 * libuv accepts one connection per turn and handle; with hundreds of guests being answered in each turn, those that
 * have just connected would wait for seconds. More handles of the one socket take more of them in a turn.
 */
const HTTP_HANDLES = 16;
const DHCP4_PORT = 67;
const DHCP6_PORT = 547;
/** All DHCP relay agents and servers (RFC 8415 section 7.1). */
const DHCP6_GROUP = 'ff02::1:2';

/** What answers on a listening socket, by the name it was asked for under. */
const ROUTERS: Readonly<Record<string, Router>> = {
  metadata: (path) => dialectFor(path, false),
  'metadata-v6': (path) => dialectFor(path, false),
  gateway: (path) => dialectFor(path, true),
  'password-service': () => cloudStackPassword,
};

export class NetworkService {
  readonly network: ServedNetwork;
  readonly http: HttpService;
  readonly dhcp4: Dhcp4Service;
  readonly dhcp6: Dhcp6Service;
  readonly #limits: Limits;
  #inode: bigint | undefined;

  constructor(
    network: ServedNetwork,
    services: Services & { directory: GuestDirectory },
    log: Log,
    limits: Limits,
  ) {
    this.network = network;
    this.#limits = limits;
    this.http = new HttpService(network, services, log, limits);
    this.dhcp4 = new Dhcp4Service(network, services.directory, log, limits);
    this.dhcp6 = new Dhcp6Service(network, services.directory, log, limits);
  }

  /** Resolves when all answer; HTTP does before the DHCP socket exists. @throws MetadataError, nothing left open */
  async open(): Promise<void> {
    try {
      this.#inode = await namespaceInode(this.network.namespace);
      await openInNamespace(
        this.network.namespace,
        stages(this.network),
        {
          listener: (name, server) => this.http.serve(name, server, ROUTERS[name] ?? (() => undefined)),
          connection: (name, socket) => this.http.adopt(name, socket),
          datagrams: (name, socket) => (name === 'dhcp6' ? this.dhcp6 : this.dhcp4).serve(socket),
        },
        this.#limits.openMs,
      );
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * False when the namespace of that name is another one by now: the sockets would live on, in the namespace that
   * was deleted, where no guest is.
   */
  async isCurrent(): Promise<boolean> {
    return this.#inode !== undefined && (await namespaceInode(this.network.namespace)) === this.#inode;
  }

  async close(): Promise<void> {
    this.dhcp4.close();
    this.dhcp6.close();
    await this.http.close();
  }
}

/** Identity of the namespace behind a name, where iproute2 keeps it; undefined if there is none. */
async function namespaceInode(name: string): Promise<bigint | undefined> {
  try {
    return (await stat(`/run/netns/${name}`, { bigint: true })).ino;
  } catch {
    return undefined;
  }
}

/** HTTP first, all of it; then DHCP, so that no guest can have an address before its configuration is there. */
function stages({ ipv4, ipv6, device }: ServedNetwork): SocketRequest[][] {
  const tcp = { kind: 'tcp', backlog: BACKLOG } as const;
  const main = { ...tcp, port: HTTP_PORT, handles: HTTP_HANDLES } as const;
  const http: SocketRequest[] = [];
  const dhcp: SocketRequest[] = [];
  if (ipv4) {
    http.push({ ...main, name: 'metadata', address: METADATA_ADDRESS });
    http.push({ ...main, name: 'gateway', address: ipv4.address });
    http.push({ ...tcp, name: 'password-service', address: ipv4.address, port: PASSWORD_PORT });
    dhcp.push({ name: 'dhcp4', kind: 'udp4', address: '0.0.0.0', port: DHCP4_PORT });
  }
  if (ipv6) {
    http.push({ ...main, name: 'metadata-v6', address: METADATA_ADDRESS_V6 });
    dhcp.push({ name: 'dhcp6', kind: 'udp6', port: DHCP6_PORT, group: DHCP6_GROUP, device });
  }
  return [http, dhcp];
}
