// What the outcome of a stage counts as, and what a second look at its failures makes of it.
import type { Stage, StageOutcome } from './stage.ts';
import { noTests, type Summary, summarize } from './tap-summary.ts';

const LAST_LINES = 40;

const lastLines = (text: string) => text.trimEnd().split('\n').slice(-LAST_LINES).join('\n');

/** A run that was cut short, or ended badly, is never a good one, whatever it said until then. */
export function judge(stage: Stage, outcome: StageOutcome): Summary {
  const summary = stage.result === 'tap' ? summarize(outcome.output) : noTests();
  const last = lastLines(outcome.output);
  const fail = (detail: string) => summary.failures.push({ path: [], detail });
  if (outcome.interrupted) fail(`interrupted\n${last}`);
  else if (outcome.timedOut) fail(`not done in ${stage.timeLimitMinutes} minutes\n${last}`);
  else if (outcome.status !== 0 && summary.failures.length === 0) fail(`status ${outcome.status}\n${last}`);
  else if (stage.result === 'status') summary.passed = 1;
  return summary;
}

/** The files whose tests failed; undefined if something failed that is no file's. */
export function failedFiles({ failures }: Summary): string[] | undefined {
  const files = failures.map(({ path }) => path[0] ?? '');
  return files.every((file) => file.endsWith('.test.ts')) ? [...new Set(files)] : undefined;
}

/** The first run, with everything about `files` replaced by what `second` found. */
export function replaced(first: Summary, files: string[], second: Summary): Summary {
  const before = files.reduce((sum, file) => sum + (first.passedIn.get(file) ?? 0), 0);
  return {
    passed: first.passed - before + second.passed,
    skipped: first.skipped + second.skipped,
    failures: second.failures,
    passedIn: new Map([...first.passedIn, ...second.passedIn]),
  };
}
