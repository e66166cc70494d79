// How much of the service one guest may take: open connections and requests per second.
import { fullBucket, type TokenBucket, takeToken } from '../token-bucket.ts';

/** Guests come and go; above this many the buckets of those not connected are forgotten. */
const REMEMBERED = 4_096;

interface GuestUse {
  connections: number;
  bucket: TokenBucket;
}

export interface AdmissionLimits {
  connectionsPerGuest: number;
  connectionsPerNetwork: number;
  httpBurst: number;
  httpPerSecond: number;
}

/** One per VNet, keyed by guest address. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #uses = new Map<string, GuestUse>();
  #connections = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** False when the guest or the whole VNet has too many connections open. */
  connect(address: string, now: number): boolean {
    const use = this.#uses.get(address) ?? {
      connections: 0,
      bucket: fullBucket(this.#limits.httpBurst, now),
    };
    if (use.connections >= this.#limits.connectionsPerGuest) return false;
    if (this.#connections >= this.#limits.connectionsPerNetwork) return false;
    if (this.#uses.size >= REMEMBERED) this.#forgetIdle();
    use.connections++;
    this.#connections++;
    this.#uses.set(address, use);
    return true;
  }

  disconnect(address: string): void {
    const use = this.#uses.get(address);
    if (use) use.connections--;
    this.#connections--;
  }

  /** False when the guest asks faster than it may. */
  request(address: string, now: number): boolean {
    const use = this.#uses.get(address);
    return (
      use !== undefined && takeToken(use.bucket, this.#limits.httpBurst, this.#limits.httpPerSecond, now)
    );
  }

  #forgetIdle(): void {
    for (const [address, use] of this.#uses) if (use.connections === 0) this.#uses.delete(address);
  }

  get connections(): number {
    return this.#connections;
  }
}
