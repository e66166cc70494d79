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

interface Remembered<E extends string> extends DhcpClient<E> {
  bucket: TokenBucket;
  /** Since it was put where it is in the order. */
  seenAgain: boolean;
}

/** Bounded table of clients; one that was not seen for long makes room. */
export class DhcpClients<E extends string> {
  /** Nearly in the order of last use: whoever is at the head and was seen since has a second chance at the end. */
  readonly #clients = new Map<string, Remembered<E>>();
  readonly #events: readonly E[];
  readonly #limits: ClientLimits;

  constructor(events: readonly E[], limits: ClientLimits) {
    this.#events = events;
    this.#limits = limits;
  }

  /** Notes that `mac` spoke. The second value says whether it may be answered now. */
  seen(mac: string, now: number): [client: DhcpClient<E>, allowed: boolean] {
    const { dhcpBurst, dhcpPerSecond } = this.#limits;
    const client = this.#clients.get(mac) ?? this.#welcome(mac, now);
    client.seenAgain = true;
    client.lastSeen = now;
    return [client, takeToken(client.bucket, dhcpBurst, dhcpPerSecond, now)];
  }

  #welcome(mac: string, now: number): Remembered<E> {
    const { dhcpBurst, dhcpClients } = this.#limits;
    if (this.#clients.size >= dhcpClients) this.#makeRoom();
    const bucket = fullBucket(dhcpBurst, now);
    const client = { mac, lastSeen: now, counts: noCounts(this.#events), bucket, seenAgain: false };
    this.#clients.set(mac, client);
    return client;
  }

  /** Everybody is moved once for having been seen, so this costs a step for each message at most. */
  #makeRoom(): void {
    for (const [mac, client] of this.#clients) {
      this.#clients.delete(mac);
      if (!client.seenAgain) return;
      client.seenAgain = false;
      this.#clients.set(mac, client);
    }
  }

  /** Undefined for a MAC that was not heard of, or is forgotten. */
  of(mac: string): DhcpClient<E> | undefined {
    const client = this.#clients.get(mac);
    return client && { mac, lastSeen: client.lastSeen, counts: { ...client.counts } };
  }

  /** Most recently seen last. */
  list(): DhcpClient<E>[] {
    return [...this.#clients.values()]
      .toSorted((a, b) => a.lastSeen - b.lastSeen)
      .map(({ mac, lastSeen, counts }) => ({ mac, lastSeen, counts: { ...counts } }));
  }
}
