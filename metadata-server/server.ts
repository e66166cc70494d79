// The metadata server of a host: any number of VNets, all served by this process.
import { randomBytes } from 'node:crypto';
import {
  DEFAULT_LIMITS,
  type GuestDirectory,
  type Limits,
  type Log,
  MetadataError,
  type ServedNetwork,
} from './contract.ts';
import type { Counts, DhcpClient } from './dhcp-clients.ts';
import type { Dhcp4Event } from './dhcp4/service.ts';
import type { Dhcp6Event } from './dhcp6/service.ts';
import { SessionTokens } from './http/ec2-token.ts';
import type { GuestHttpCounts } from './http/guest-counts.ts';
import type { Services } from './http/message.ts';
import type { HttpCounts } from './http/service.ts';
import { NetworkService } from './network-service.ts';
import { RouterAdvertiser } from './router-advertisement/advertiser.ts';
import { NO_KEEPER, type SocketKeeper } from './sockets/keeper.ts';
import { SocketOpener } from './sockets/opener.ts';
import { Turns } from './turns.ts';

/** For requests that have begun when the agent ends. */
const GRACE_MS = 250;

export interface MetadataServerOptions {
  directory: GuestDirectory;
  log: Log;
  /** Replaces single limits; the others keep their default. */
  limits?: Partial<Limits>;
  /** At least 32 random bytes that sign IMDSv2 tokens. Kept over a restart, guests' tokens stay good; else made anew. */
  tokenSecret?: Uint8Array;
  /** Holds the sockets while no process serves them; nobody unless given. */
  keeper?: SocketKeeper;
}

export interface NetworkCounters {
  dhcp4: Counts<Dhcp4Event>;
  /** Per MAC, the most recently seen last. */
  dhcp4Clients: DhcpClient<Dhcp4Event>[];
  dhcp6: Counts<Dhcp6Event>;
  dhcp6Clients: DhcpClient<Dhcp6Event>[];
  http: HttpCounts;
}

/** What one VNIC has used; undefined what it has not. */
export interface GuestCounters {
  dhcp4?: DhcpClient<Dhcp4Event> | undefined;
  dhcp6?: DhcpClient<Dhcp6Event> | undefined;
  http?: GuestHttpCounts | undefined;
}

export class MetadataServer {
  readonly #services: Services;
  readonly #log: Log;
  readonly #limits: Limits;
  readonly #turns: Turns;
  readonly #keeper: SocketKeeper;
  readonly #networks = new Map<string, NetworkService>();
  readonly #advertiser: RouterAdvertiser;
  readonly #opener = new SocketOpener();
  /** Per VNet the end of the last add or remove, so that they never overlap. */
  readonly #queue = new Map<string, Promise<void>>();
  #closed = false;

  constructor({ directory, log, limits, tokenSecret, keeper }: MetadataServerOptions) {
    this.#services = { directory, tokens: new SessionTokens(tokenSecret ?? randomBytes(32)) };
    this.#log = log;
    this.#keeper = keeper ?? NO_KEEPER;
    this.#advertiser = new RouterAdvertiser(log);
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#turns = new Turns(this.#limits.openers);
  }

  /** The networks being served now. */
  get networks(): ServedNetwork[] {
    return [...this.#networks.values()].map(({ network }) => network);
  }

  /**
   * Serves a VNet; resolves when DHCP and HTTP answer and, with IPv6, its advertisements have begun. A VNet served already is served anew only if
   * something about it is different, or its namespace was made anew.
   * @throws MetadataError `not-found` (no such namespace), `conflict` (port taken), `internal`; nothing stays open
   */
  add(network: ServedNetwork): Promise<void> {
    return this.#inTurn(network.vnetId, async () => {
      const present = this.#networks.get(network.vnetId);
      const same = present && JSON.stringify(present.network) === JSON.stringify(network);
      if (same && (await present.isCurrent())) return;
      await this.#drop(network.vnetId);
      await this.#keeper.forget(`${network.vnetId}.`);
      const service = this.#service(network);
      await this.#turns.take(() => service.open(this.#opener));
      if (!this.#closed) await this.#advertise(network, service);
      if (this.#closed) {
        await service.close();
        throw new MetadataError('conflict', 'The metadata server is being closed.');
      }
      this.#networks.set(network.vnetId, service);
      this.#log.info({ vnet: network.vnetId, namespace: network.namespace }, 'serving a VNet');
    });
  }

  /**
   * Goes on serving a VNet with the sockets that an earlier process left with the keeper: no child, no waiting.
   * False, and nothing is served, when there are none that fit.
   */
  resume(network: ServedNetwork): Promise<boolean> {
    const { vnetId } = network;
    return this.#inTurn(vnetId, async () => {
      if (this.#networks.has(vnetId)) return true;
      const service = this.#service(network);
      if (!(await service.resume())) return false;
      this.#networks.set(vnetId, service);
      this.#widen(service);
      this.#inTurn(vnetId, () => this.#advertise(network, service)).catch(() => this.#renew(network));
      return true;
    });
  }

  /** Closes the VNet's sockets and connections; nothing to do is success. */
  remove(vnetId: string): Promise<void> {
    return this.#inTurn(vnetId, async () => {
      await this.#drop(vnetId);
      await this.#keeper.forget(`${vnetId}.`);
    });
  }

  /** Ends everything, but for what the keeper holds; the object is of no more use. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#queue.values());
    await Promise.all([...this.#networks.values()].map((service) => service.close(GRACE_MS)));
    this.#networks.clear();
    this.#advertiser.close();
    this.#opener.close();
  }

  /** Undefined for a VNet that is not served. */
  counters(vnetId: string): NetworkCounters | undefined {
    const service = this.#networks.get(vnetId);
    if (!service) return undefined;
    return {
      dhcp4: service.dhcp4.counts,
      dhcp4Clients: service.dhcp4.clients,
      dhcp6: service.dhcp6.counts,
      dhcp6Clients: service.dhcp6.clients,
      http: service.http.counts,
    };
  }

  /** Of one VNIC; nothing for a VNet that is not served. */
  guestCounters(vnetId: string, mac: string): GuestCounters {
    const service = this.#networks.get(vnetId);
    if (!service) return {};
    return {
      dhcp4: service.dhcp4.client(mac),
      dhcp6: service.dhcp6.client(mac),
      http: service.http.countsOf(mac),
    };
  }

  #service(network: ServedNetwork): NetworkService {
    return new NetworkService({ ...network }, this.#services, this.#log, this.#limits, this.#keeper);
  }

  /** More handles are for a rush of guests: nobody waits for them, and it goes without. */
  #widen(service: NetworkService): void {
    this.#turns
      .take(() => service.widen())
      .catch((error) => {
        const { vnetId } = service.network;
        if (!this.#closed) this.#log.warn({ vnet: vnetId, err: error }, 'a VNet is served by single handles');
      });
  }

  async #renew(network: ServedNetwork): Promise<void> {
    if (this.#closed) return;
    try {
      await this.remove(network.vnetId);
      await this.add(network);
    } catch (error) {
      this.#log.error({ vnet: network.vnetId, err: error }, 'a VNet cannot be served');
    }
  }

  /** Last: what it announces answers by now. On failure nothing of the service stays. */
  async #advertise(network: ServedNetwork, service: NetworkService): Promise<void> {
    const { ipv6 } = network;
    if (!ipv6) return;
    await this.#advertiser.add({ ...network, ipv6 }).catch(async (error) => {
      await service.close();
      await this.#keeper.forget(`${network.vnetId}.`);
      throw error;
    });
  }

  async #drop(vnetId: string): Promise<void> {
    const service = this.#networks.get(vnetId);
    this.#networks.delete(vnetId);
    this.#advertiser.remove(vnetId);
    await service?.close();
  }

  #inTurn<T>(vnetId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#queue.get(vnetId) ?? Promise.resolve();
    const result = before.then(() => {
      if (this.#closed) throw new MetadataError('conflict', 'The metadata server is being closed.');
      return work();
    });
    const settled = result.then(
      () => {},
      () => {},
    );
    this.#queue.set(vnetId, settled);
    settled.then(() => {
      if (this.#queue.get(vnetId) === settled) this.#queue.delete(vnetId);
    });
    return result;
  }
}
