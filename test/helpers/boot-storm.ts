// Who takes part in a boot storm: MAC and address of each guest, for both ends of the test.

/** Of guest number `index`. */
export function stormMac(index: number): string {
  const digits = index.toString(16).padStart(4, '0');
  return `52:54:5e:77:${digits.slice(0, 2)}:${digits.slice(2)}`;
}

/** In 10.0.0.0/16, from 10.0.16.0 on. */
export function stormAddress(index: number): string {
  return `10.0.${16 + (index >> 8)}.${index & 255}`;
}

/** The greatest of the best `share` of all values: 0.99 gives the 99th percentile. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
}
