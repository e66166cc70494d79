// Says what failed: at once each failure in a line, at the end what the runner knew of it, without what fills a screen.
import { inspect } from 'node:util';
import type { Stage } from './stage.ts';
import type { Failure } from './tap-summary.ts';

/** Lines of detail per failure; the whole of it is in the stage's log. */
const MAX_LINES = 16;
/** Failures that are named at once. A whole stage that fails says the same many times. */
const MAX_NAMES = 12;
/** Which parts of a diagnostic block are long and say little. */
const LONG_PARTS = new Set(['stack', 'source', 'cause', 'tapCaught', 'procedure', 'domain', 'level']);

function brief(detail: unknown): unknown {
  if (typeof detail !== 'object' || detail === null) return detail;
  return Object.fromEntries(Object.entries(detail).filter(([name]) => !LONG_PARTS.has(name)));
}

function lines({ detail }: Failure): string[] {
  // A stage that ended badly says why at its end.
  if (typeof detail === 'string') return detail.split('\n').slice(-MAX_LINES);
  const text = inspect(brief(detail), { depth: 3, breakLength: 110, compact: 3, maxStringLength: 1500 });
  return text.split('\n').slice(0, MAX_LINES);
}

const title = (stage: Stage, { path }: Failure) => [stage.name, ...path].join(' > ');

/** Prints a line for each; nothing for none. */
export function reportNames(stage: Stage, failures: readonly Failure[]): void {
  for (const failure of failures.slice(0, MAX_NAMES)) console.log(`FAILED ${title(stage, failure)}`);
  if (failures.length > MAX_NAMES) console.log(`FAILED ${failures.length - MAX_NAMES} more of ${stage.name}`);
}

/** Prints all that is known of each. */
export function reportDetails(stage: Stage, failures: readonly Failure[]): void {
  for (const failure of failures) {
    console.log(`\n${title(stage, failure)}`);
    for (const line of lines(failure)) console.log(`    ${line}`);
  }
}
