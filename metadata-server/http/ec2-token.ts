// IMDSv2 session tokens: signed, bound to one VServer, kept nowhere.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { GuestFacts } from '../../contextualization/guest-facts.ts';

/** EC2's bounds of a token's life, in seconds. */
export const TOKEN_TTL_MIN = 1;
export const TOKEN_TTL_MAX = 21_600;
const EXPIRY_BYTES = 6;
const SIGNATURE_BYTES = 32;
const TOKEN_TEXT = /^[A-Za-z0-9_-]{51}$/;

export class SessionTokens {
  readonly #secret: Uint8Array;

  /** @param secret at least 32 random bytes; the same after a restart keeps guests' tokens valid */
  constructor(secret: Uint8Array) {
    if (secret.length < 32) throw new RangeError('the token secret must have at least 32 bytes');
    this.#secret = secret;
  }

  /** @param now milliseconds since 1970 */
  issue(facts: GuestFacts, ttlSeconds: number, now: number): string {
    const expiry = Buffer.alloc(EXPIRY_BYTES);
    expiry.writeUIntBE(Math.floor(now / 1000) + ttlSeconds, 0, EXPIRY_BYTES);
    return Buffer.concat([expiry, this.#sign(facts, expiry)]).toString('base64url');
  }

  /** True for a token issued to this very VServer (and this instance of it) that has not run out. */
  valid(facts: GuestFacts, token: string, now: number): boolean {
    if (!TOKEN_TEXT.test(token)) return false;
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length !== EXPIRY_BYTES + SIGNATURE_BYTES) return false;
    const expiry = bytes.subarray(0, EXPIRY_BYTES);
    if (!timingSafeEqual(bytes.subarray(EXPIRY_BYTES), this.#sign(facts, expiry))) return false;
    return expiry.readUIntBE(0, EXPIRY_BYTES) * 1000 > now;
  }

  #sign(facts: GuestFacts, expiry: Uint8Array): Buffer {
    return createHmac('sha256', this.#secret)
      .update(`${facts.vserverId}\0${facts.instanceId}\0`)
      .update(expiry)
      .digest();
  }
}
