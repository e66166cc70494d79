// How often each guest was heard and refused on its ways to the agent that are no VNIC's.

/** The second serial port, and the files that the guest agent reads. */
export type GuestWay = 'serial' | 'guest-agent';

export interface WayCounts {
  /** Passwords taken. */
  stored: number;
  /** Passwords refused: there is one already, it is empty, too long, or not base64 where it must be. */
  refused: number;
  /** Lines that began like one for the agent and were none. */
  malformed: number;
  /** Milliseconds since 1970. */
  lastSeen: number;
}

/** Guests come and go; above this many ways the one unheard for longest is forgotten. */
const REMEMBERED = 4_096;

/** One per host, since the agent began. */
export class GuestWays {
  readonly #ways = new Map<string, WayCounts>();

  count(
    vserverId: string,
    way: GuestWay,
    event: Exclude<keyof WayCounts, 'lastSeen'>,
    now = Date.now(),
  ): void {
    const key = `${vserverId} ${way}`;
    const counts = this.#ways.get(key) ?? { stored: 0, refused: 0, malformed: 0, lastSeen: 0 };
    // Deleted and added again, so that the map is in the order of last use.
    this.#ways.delete(key);
    if (this.#ways.size >= REMEMBERED) this.#ways.delete(this.#ways.keys().next().value ?? key);
    this.#ways.set(key, counts);
    counts[event]++;
    counts.lastSeen = now;
  }

  /** Undefined until the guest was heard there. */
  of(vserverId: string, way: GuestWay): Readonly<WayCounts> | undefined {
    return this.#ways.get(`${vserverId} ${way}`);
  }
}
