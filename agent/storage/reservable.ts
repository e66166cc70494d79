// Whether space can be promised; the promises themselves are kept in the agent's inventory.

export interface SpaceQuestion {
  /** What the pool says now. */
  totalBytes: number;
  freeBytes: number;
  /** Promised to volumes but not yet written by them (their size less what they take up). */
  reservedBytes: number;
  askedBytes: number;
  /** Share of the pool never promised, 0–100. */
  keepFreePercent: number;
}

/** Bytes that can still be promised (never negative), and whether what was asked is among them. */
export function reservable(question: SpaceQuestion): { fits: boolean; availableBytes: number } {
  const kept = Math.ceil((question.totalBytes * question.keepFreePercent) / 100);
  const availableBytes = Math.max(0, Math.floor(question.freeBytes - question.reservedBytes - kept));
  return { fits: question.askedBytes <= availableBytes, availableBytes };
}
