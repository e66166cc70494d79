// Says what failed: first every failure in a line, then what the runner knew of each, without what fills a screen.
import { inspect } from 'node:util';
import type { Stage } from './stage.ts';
import type { Failure } from './tap-summary.ts';

/** Lines of detail per failure; the whole of it is in the stage's log. */
const MAX_LINES = 16;
/** Which parts of a diagnostic block are long and say little. */
const LONG_PARTS = new Set(['stack', 'source', 'cause', 'tapCaught', 'procedure', 'domain', 'level']);

export type StageFailure = readonly [Stage, Failure];

function brief(detail: unknown): unknown {
  if (typeof detail !== 'object' || detail === null) return detail;
  return Object.fromEntries(Object.entries(detail).filter(([name]) => !LONG_PARTS.has(name)));
}

function lines({ detail }: Failure): string[] {
  const text =
    typeof detail === 'string'
      ? detail
      : inspect(brief(detail), { depth: 3, breakLength: 110, compact: 3, maxStringLength: 1500 });
  // A stage that ended badly says why at its end.
  return typeof detail === 'string'
    ? text.split('\n').slice(-MAX_LINES)
    : text.split('\n').slice(0, MAX_LINES);
}

const title = ([stage, failure]: StageFailure) => [stage.name, ...failure.path].join(' > ');

/** Prints them; nothing for none. */
export function reportFailures(failures: readonly StageFailure[]): void {
  for (const failure of failures) console.log(`FAILED ${title(failure)}`);
  for (const failure of failures) {
    console.log(`\n${title(failure)}`);
    for (const line of lines(failure[1])) console.log(`    ${line}`);
  }
}
