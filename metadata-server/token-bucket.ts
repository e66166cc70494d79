// A token bucket: a burst at once, then so many a second. Takes the clock from outside.

/** State of one bucket; kept by whoever keeps the client's record. */
export interface TokenBucket {
  tokens: number;
  /** Milliseconds of the clock given to `takeToken`. */
  filledAt: number;
}

export function fullBucket(burst: number, now: number): TokenBucket {
  return { tokens: burst, filledAt: now };
}

/** Takes one token if there is one. A clock that goes backwards fills nothing. */
export function takeToken(bucket: TokenBucket, burst: number, perSecond: number, now: number): boolean {
  const elapsed = Math.max(0, now - bucket.filledAt);
  bucket.tokens = Math.min(burst, bucket.tokens + (elapsed * perSecond) / 1000);
  bucket.filledAt = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}
