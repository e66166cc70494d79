// What is remembered of each MAC: its token bucket, how often it asked for what, when it was last seen.
import { fullBucket, type TokenBucket, takeToken } from './token-bucket.ts';

/** How often each of a protocol's events happened. */
export type Counts<E extends string> = Record<E, number>;

export function noCounts<E extends string>(events: readonly E[]): Counts<E> {
  return Object.fromEntries(events.map((event) => [event, 0])) as Counts<E>;
}

export interface DhcpClient<E extends string> {
  mac: string;
  /** Milliseconds since 1970. */
  lastSeen: number;
  counts: Counts<E>;
}

export interface ClientLimits {
  dhcpBurst: number;
  dhcpPerSecond: number;
  dhcpClients: number;
}

/** Bounded table of clients; the one unseen for longest makes room. */
export class DhcpClients<E extends string> {
  readonly #clients = new Map<string, DhcpClient<E> & { bucket: TokenBucket }>();
  readonly #events: readonly E[];
  readonly #limits: ClientLimits;

  constructor(events: readonly E[], limits: ClientLimits) {
    this.#events = events;
    this.#limits = limits;
  }

  /** Notes that `mac` spoke. The second value says whether it may be answered now. */
  seen(mac: string, now: number): [client: DhcpClient<E>, allowed: boolean] {
    const { dhcpBurst, dhcpPerSecond, dhcpClients } = this.#limits;
    const known = this.#clients.get(mac);
    const client = known ?? {
      mac,
      lastSeen: now,
      counts: noCounts(this.#events),
      bucket: fullBucket(dhcpBurst, now),
    };
    // Deleting and adding again keeps the map in the order of last use.
    if (known) this.#clients.delete(mac);
    else if (this.#clients.size >= dhcpClients)
      this.#clients.delete(this.#clients.keys().next().value ?? mac);
    this.#clients.set(mac, client);
    client.lastSeen = now;
    return [client, takeToken(client.bucket, dhcpBurst, dhcpPerSecond, now)];
  }

  /** Undefined for a MAC that was not heard of, or is forgotten. */
  of(mac: string): DhcpClient<E> | undefined {
    const client = this.#clients.get(mac);
    return client && { mac, lastSeen: client.lastSeen, counts: { ...client.counts } };
  }

  /** Most recently seen last. */
  list(): DhcpClient<E>[] {
    return [...this.#clients.values()].map(({ mac, lastSeen, counts }) => ({
      mac,
      lastSeen,
      counts: { ...counts },
    }));
  }
}
