// Counts what a TAP stream holds, from the parser's own results; a stream that lies or breaks off counts as failed.
import { Parser, type Result } from 'tap-parser';

/** A test that failed: where it is, and what the runner knew about it. */
export interface Failure {
  /** Names from the file down to the assertion. */
  path: string[];
  /** The diagnostic block, or the parser's complaint about the stream. */
  detail: unknown;
}

export interface Summary {
  passed: number;
  skipped: number;
  failures: Failure[];
  /** How many of the passed ones are in each file (or each outermost subtest). */
  passedIn: Map<string, number>;
}

/** Before anything has run. */
export const noTests = (): Summary => ({ passed: 0, skipped: 0, failures: [], passedIn: new Map() });

/** Failures the parser found in the stream itself (a plan not kept, for example) have no test point. */
function isComplaint(failure: unknown): failure is { tapError: string } {
  return (
    typeof failure === 'object' && failure !== null && 'tapError' in failure && failure.tapError !== null
  );
}

/** Adds what `parser` sees to `summary`; resolves nothing: everything is there when the stream has ended. */
function watch(parser: Parser, path: string[], summary: Summary): void {
  let failuresBefore = summary.failures.length;
  const file = path[0] ?? '';
  const pass = () => {
    summary.passed += 1;
    summary.passedIn.set(file, (summary.passedIn.get(file) ?? 0) + 1);
  };
  const fail = (detail: unknown, name?: string) =>
    summary.failures.push({ path: name ? [...path, name] : path, detail });

  parser.on('child', (child: Parser) => {
    failuresBefore = summary.failures.length;
    watch(child, child.name ? [...path, child.name] : path, summary);
  });
  parser.on('assert', (result: Result) => {
    // The point that closes a subtest says nothing new, except where it failed without a failure inside:
    // a file that ended with a status of its own, or ran out of time.
    if (result.closingTestPoint) {
      if (!result.ok && summary.failures.length === failuresBefore) fail(result.diag, result.name);
    } else if (result.skip || result.todo) summary.skipped += 1;
    else if (result.ok) pass();
    else fail(result.diag, result.name);
  });
  parser.on('bailout', (reason: string) => {
    // A bail-out is passed upwards by every parser on the way: it is counted once.
    if (parser.level === 0) fail(`bail out: ${reason}`);
  });
  parser.on('complete', (results) => {
    for (const failure of results.failures) if (isComplaint(failure)) fail(failure.tapError);
  });
}

/** Reads a whole TAP stream. Never throws: what cannot be parsed contains no tests, which is a failure too. */
export function summarize(tap: string): Summary {
  const summary = noTests();
  const parser = new Parser();
  watch(parser, [], summary);
  parser.end(tap);
  if (summary.passed + summary.skipped + summary.failures.length === 0) {
    summary.failures.push({ path: [], detail: 'no test was run' });
  }
  return summary;
}
