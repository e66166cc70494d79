// All checks of the project, one after the other; the last line says how many tests passed and failed.
import { inspect } from 'node:util';
import { runStage, type Stage, type StageOutcome } from './stage.ts';
import { type Failure, type Summary, summarize } from './tap-summary.ts';

const stages: Stage[] = [
  { name: 'lint', command: ['npm', 'run', '--silent', 'lint'], result: 'status', timeLimitMinutes: 5 },
  {
    name: 'typecheck',
    command: ['npm', 'run', '--silent', 'typecheck'],
    result: 'status',
    timeLimitMinutes: 5,
  },
  {
    name: 'test',
    command: ['npm', '--silent', 'test', '--', '--reporter=tap'],
    result: 'tap',
    timeLimitMinutes: 30,
  },
  { name: 'test:kvm', command: ['npm', 'run', '--silent', 'test:kvm'], result: 'tap', timeLimitMinutes: 20 },
];

const lastLines = (text: string, count: number) => text.trimEnd().split('\n').slice(-count).join('\n');

/** What the outcome of a stage counts as. */
function judge(stage: Stage, outcome: StageOutcome): Summary {
  const summary: Summary =
    stage.result === 'tap' ? summarize(outcome.output) : { passed: 0, skipped: 0, failures: [] };
  const last = lastLines(outcome.output, 40);
  const fail = (detail: string) => summary.failures.push({ path: [], detail });
  // A run that was cut short is never a good one, whatever it said until then.
  if (outcome.interrupted) fail(`interrupted\n${last}`);
  else if (outcome.timedOut) fail(`not done in ${stage.timeLimitMinutes} minutes\n${last}`);
  else if (outcome.status !== 0 && summary.failures.length === 0) fail(`status ${outcome.status}\n${last}`);
  else if (stage.result === 'status') summary.passed = 1;
  return summary;
}

function tell(stage: Stage, failure: Failure): void {
  const { detail } = failure;
  const text =
    typeof detail === 'string'
      ? detail
      : inspect(detail, { depth: 4, breakLength: 110, maxStringLength: 2000 });
  console.log(`FAILED ${[stage.name, ...failure.path].join(' > ')}`);
  for (const line of text.split('\n').slice(0, 40)) console.log(`    ${line}`);
}

const wanted = process.argv.slice(2);
const failures: [Stage, Failure][] = [];
let passed = 0;
for (const stage of stages.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const logFile = `.cache/ci/${stage.name.replace(':', '-')}.log`;
  const outcome = await runStage(stage, logFile);
  const summary = judge(stage, outcome);
  passed += summary.passed;
  for (const failure of summary.failures) failures.push([stage, failure]);
  const skipped = summary.skipped > 0 ? `, ${summary.skipped} skipped` : '';
  console.log(
    `${stage.name}: ${summary.passed} passed, ${summary.failures.length} failed${skipped} (${outcome.seconds} s, ${logFile})`,
  );
  if (outcome.interrupted) break;
}
for (const [stage, failure] of failures) tell(stage, failure);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
