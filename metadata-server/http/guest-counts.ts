// How often each guest was answered and refused, so that an operator can see why a guest gets nothing.

/** Of one VNIC, over IPv4 and IPv6 together, since the service of its VNet began. */
export interface GuestHttpCounts {
  /** Requests answered by a dialect, whatever the status. */
  requests: number;
  /** Of these: `401`, a session token was missing, run out or another VServer's. */
  unauthorized: number;
  /** Refused for their shape: proxied, rebound, bad target, method or body; or for a second initial password. */
  refused: number;
  /** Octets that were no HTTP request, or too many of them. */
  malformed: number;
  /** Cut off because a request took too long to arrive. */
  slow: number;
  rateLimited: number;
  tooManyConnections: number;
  /** Milliseconds since 1970. */
  lastSeen: number;
}

export type GuestHttpEvent = Exclude<keyof GuestHttpCounts, 'lastSeen'>;

/** Guests come and go; above this many the one unseen for longest is forgotten. */
const REMEMBERED = 4_096;

/** One per VNet, by the MAC of the VNIC. */
export class GuestCounts {
  readonly #guests = new Map<string, GuestHttpCounts>();

  /** Notes that the guest opened a connection; only those that did are counted further. */
  seen(mac: string, now: number): GuestHttpCounts {
    const known = this.#guests.get(mac);
    const counts = known ?? none();
    // Deleting and adding again keeps the map in the order of last use.
    if (known) this.#guests.delete(mac);
    else if (this.#guests.size >= REMEMBERED) {
      this.#guests.delete(this.#guests.keys().next().value ?? mac);
    }
    this.#guests.set(mac, counts);
    counts.lastSeen = now;
    return counts;
  }

  count(mac: string, event: GuestHttpEvent): void {
    const counts = this.#guests.get(mac);
    if (counts) counts[event]++;
  }

  of(mac: string): GuestHttpCounts | undefined {
    const counts = this.#guests.get(mac);
    return counts && { ...counts };
  }
}

function none(): GuestHttpCounts {
  return {
    requests: 0,
    unauthorized: 0,
    refused: 0,
    malformed: 0,
    slow: 0,
    rateLimited: 0,
    tooManyConnections: 0,
    lastSeen: 0,
  };
}
