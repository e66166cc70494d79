// What is remembered of each MAC: its token bucket, how often it asked for what, when it was last seen.
import { fullBucket, type TokenBucket, takeToken } from '../token-bucket.ts';

/** Everything that is counted, per VNet and per MAC. */
export const DHCP_EVENTS = [
  'discover',
  'request',
  'inform',
  'decline',
  'release',
  'offer',
  'ack',
  'nak',
  'unknown',
  'malformed',
  'rateLimited',
  'ignored',
  'sendFailed',
] as const;
export type DhcpEvent = (typeof DHCP_EVENTS)[number];
export type DhcpCounts = Record<DhcpEvent, number>;

export function noCounts(): DhcpCounts {
  return Object.fromEntries(DHCP_EVENTS.map((event) => [event, 0])) as DhcpCounts;
}

export interface DhcpClient {
  mac: string;
  /** Milliseconds since 1970. */
  lastSeen: number;
  counts: DhcpCounts;
}

/** Bounded table of clients; the one unseen for longest makes room. */
export class DhcpClients {
  readonly #clients = new Map<string, DhcpClient & { bucket: TokenBucket }>();
  readonly #limits: { dhcpBurst: number; dhcpPerSecond: number; dhcpClients: number };

  constructor(limits: { dhcpBurst: number; dhcpPerSecond: number; dhcpClients: number }) {
    this.#limits = limits;
  }

  /** Notes that `mac` spoke. The second value says whether it may be answered now. */
  seen(mac: string, now: number): [client: DhcpClient, allowed: boolean] {
    const { dhcpBurst, dhcpPerSecond, dhcpClients } = this.#limits;
    const known = this.#clients.get(mac);
    const client = known ?? { mac, lastSeen: now, counts: noCounts(), bucket: fullBucket(dhcpBurst, now) };
    // Deleting and adding again keeps the map in the order of last use.
    if (known) this.#clients.delete(mac);
    else if (this.#clients.size >= dhcpClients)
      this.#clients.delete(this.#clients.keys().next().value ?? mac);
    this.#clients.set(mac, client);
    client.lastSeen = now;
    return [client, takeToken(client.bucket, dhcpBurst, dhcpPerSecond, now)];
  }

  /** Most recently seen last. */
  list(): DhcpClient[] {
    return [...this.#clients.values()].map(({ mac, lastSeen, counts }) => ({
      mac,
      lastSeen,
      counts: { ...counts },
    }));
  }
}
