// All checks of the project, one after the other; the last line says how many tests passed and failed.
import { failedFiles, judge, replaced } from './judge.ts';
import { reportFailures, type StageFailure } from './report.ts';
import { runStage, type Stage } from './stage.ts';
import { stages } from './stages.ts';
import type { Summary } from './tap-summary.ts';

/** Milliseconds; after this no second look begins: the run must come to its end. */
const SECOND_LOOK_UNTIL_MS = 50 * 60_000;

interface Run {
  summary: Summary;
  interrupted: boolean;
  timedOut: boolean;
}

async function run(stage: Stage, title: string, logFile: string): Promise<Run> {
  const outcome = await runStage(stage, logFile);
  const summary = judge(stage, outcome);
  const skipped = summary.skipped > 0 ? `, ${summary.skipped} skipped` : '';
  console.log(
    `${title}: ${summary.passed} passed, ${summary.failures.length} failed${skipped} (${outcome.seconds} s, ${logFile})`,
  );
  return { ...outcome, summary };
}

/** Why a test on real machines is looked at twice: docs/decisions/0090. Never silent: what it was is printed. */
async function secondLook(stage: Stage, first: Summary): Promise<Summary> {
  const files = stage.secondLook === 'files' ? failedFiles(first) : undefined;
  reportFailures(first.failures.map((failure) => [stage, failure] as const));
  const again = files ? { ...stage, command: [...stage.command, ...files] } : stage;
  const { summary } = await run(again, `${stage.name}, once more`, `.cache/ci/${fileName(stage)}-again.log`);
  if (summary.failures.length === 0) {
    console.log(`UNSTEADY ${files?.join(' ') ?? stage.name}: failed, then passed`);
  }
  return files ? replaced(first, files, summary) : summary;
}

const fileName = ({ name }: Stage) => name.replace(':', '-');

const wanted = process.argv.slice(2);
const begin = performance.now();
const failures: StageFailure[] = [];
let passed = 0;
for (const stage of stages.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  let { summary, interrupted, timedOut } = await run(stage, stage.name, `.cache/ci/${fileName(stage)}.log`);
  const early = performance.now() - begin < SECOND_LOOK_UNTIL_MS;
  if (summary.failures.length > 0 && stage.secondLook && early && !interrupted && !timedOut) {
    summary = await secondLook(stage, summary);
  }
  passed += summary.passed;
  for (const failure of summary.failures) failures.push([stage, failure]);
  if (interrupted) break;
}
reportFailures(failures);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
