// Everything served on one VNet: which sockets, in which order, and what answers on each.
import dgram from 'node:dgram';
import { closeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type net from 'node:net';
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
import { adoptSocket, descriptorOf } from './sockets/descriptors.ts';
import type { SocketKeeper } from './sockets/keeper.ts';
import { BACKLOG, type SocketRequest } from './sockets/messages.ts';
import { multiplyHandles, type SocketOpener, type SocketReceiver } from './sockets/opener.ts';

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

type Opened = Exclude<SocketRequest, { kind: 'inherited' }>;

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
  readonly #keeper: SocketKeeper;
  readonly #log: Log;
  /** The first handle of each socket, by its name: what the keeper is given. */
  readonly #sockets = new Map<string, net.Server | dgram.Socket>();
  #inode: bigint | undefined;
  #closed = false;

  constructor(
    network: ServedNetwork,
    services: Services & { directory: GuestDirectory },
    log: Log,
    limits: Limits,
    keeper: SocketKeeper,
  ) {
    this.network = network;
    this.#limits = limits;
    this.#keeper = keeper;
    this.#log = log;
    this.http = new HttpService(network, services, log, limits);
    this.dhcp4 = new Dhcp4Service(network, services.directory, log, limits);
    this.dhcp6 = new Dhcp6Service(network, services.directory, log, limits);
  }

  /** Resolves when all answer; HTTP does before the DHCP socket exists. @throws MetadataError, nothing left open */
  async open(opener: SocketOpener): Promise<void> {
    const { namespace } = this.network;
    try {
      this.#inode = await namespaceInode(namespace);
      await opener.open(namespace, stages(this.network), this.#receiver(), this.#limits.openMs);
      const sockets = this.#descriptors();
      await this.#keeper.keep(sockets.map((one) => ({ ...one, name: this.#keptName(one.name) })));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * Goes on with the sockets that an earlier process served: whoever asked meanwhile is answered now.
   * False when they are not all there, or not of this namespace; nothing is left open then.
   */
  async resume(): Promise<boolean> {
    const left = new Map(this.#keeper.take(`${this.network.vnetId}.`).map((kept) => [kept.name, kept]));
    if (left.size === 0) return false;
    this.#inode = await namespaceInode(this.network.namespace);
    const wanted = stages(this.network).flat();
    const receiver = this.#receiver();
    try {
      if (left.size !== wanted.length) throw new Error(`${left.size} sockets were kept`);
      for (const request of wanted) {
        const kept = left.get(this.#keptName(request.name));
        if (!kept) throw new Error(`${request.name} was not kept`);
        left.delete(kept.name);
        const socket = await adoptSocket(kept.descriptor, request);
        if (socket instanceof dgram.Socket) receiver.datagrams(request.name, socket);
        else receiver.listener(request.name, socket);
      }
      return true;
    } catch (error) {
      this.#log.warn({ vnet: this.network.vnetId, err: error }, 'kept sockets are of no use');
      for (const { descriptor } of left.values()) closeSync(descriptor);
      await this.close();
      return false;
    }
  }

  /** After `resume`: makes as many handles of each listening socket as `open` would have. */
  async widen(): Promise<void> {
    const sockets = this.#descriptors().filter(({ name }) => name in ROUTERS);
    if (sockets.length === 0) return;
    await multiplyHandles(sockets, HTTP_HANDLES - 1, this.#receiver(), this.#limits.openMs);
  }

  /**
   * False when the namespace of that name is another one by now: the sockets would live on, in the namespace that
   * was deleted, where no guest is.
   */
  async isCurrent(): Promise<boolean> {
    return this.#inode !== undefined && (await namespaceInode(this.network.namespace)) === this.#inode;
  }

  #receiver(): SocketReceiver {
    return {
      listener: (name, server) => {
        if (this.#closed) {
          server.close();
          return;
        }
        if (!this.#sockets.has(name)) this.#sockets.set(name, server);
        this.http.serve(name, server, ROUTERS[name] ?? (() => undefined));
      },
      datagrams: (name, socket) => {
        if (this.#closed) {
          socket.close();
          return;
        }
        this.#sockets.set(name, socket);
        (name === 'dhcp6' ? this.dhcp6 : this.dhcp4).serve(socket);
      },
    };
  }

  #descriptors(): { name: string; descriptor: number }[] {
    return [...this.#sockets].map(([name, socket]) => ({ name, descriptor: descriptorOf(socket) }));
  }

  /** With the namespace's identity: sockets of one that was deleted are of no use. */
  #keptName(name: string): string {
    return `${this.network.vnetId}.${this.#inode}.${name}`;
  }

  /** @param graceMs how long requests that have begun may take */
  async close(graceMs = 0): Promise<void> {
    this.#closed = true;
    this.#sockets.clear();
    this.dhcp4.close();
    this.dhcp6.close();
    await this.http.close(graceMs);
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
function stages({ ipv4, ipv6, device }: ServedNetwork): Opened[][] {
  const tcp = { kind: 'tcp', backlog: BACKLOG } as const;
  const main = { ...tcp, port: HTTP_PORT, handles: HTTP_HANDLES } as const;
  const http: Opened[] = [];
  const dhcp: Opened[] = [];
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
