// All checks of the project, one after the other; the last line says how many tests passed and failed.
import { failedFiles, judge, replaced } from './judge.ts';
import { reportDetails, reportNames } from './report.ts';
import { runStage, type Stage } from './stage.ts';
import { stages } from './stages.ts';
import type { Summary } from './tap-summary.ts';

/** Milliseconds; by then a second look must be over: the run itself has a limit. */
const ALL_DONE_BY_MS = 84 * 60_000;

interface Run {
  stage: Stage;
  summary: Summary;
  seconds: number;
  timedOut: boolean;
  interrupted: boolean;
}

const wanted = process.argv.slice(2);
const begin = performance.now();

async function run(stage: Stage, title = stage.name): Promise<Run> {
  const logFile = `.cache/ci/${title.replaceAll(/[:, ]+/g, '-')}.log`;
  const outcome = await runStage(stage, logFile);
  const summary = judge(stage, outcome);
  const { passed, failures, skipped } = summary;
  const also = skipped > 0 ? `, ${skipped} skipped` : '';
  console.log(
    `${title}: ${passed} passed, ${failures.length} failed${also} (${outcome.seconds} s, ${logFile})`,
  );
  reportNames(stage, failures);
  return { ...outcome, stage, summary };
}

/** Why a test on real machines is looked at twice: docs/decisions/0090. Never silent: what it was is printed. */
async function secondLook({ stage, summary: first }: Run): Promise<Summary> {
  const files = stage.secondLook === 'files' ? failedFiles(first) : undefined;
  const again = files ? { ...stage, command: [...stage.command, ...files] } : stage;
  const { summary } = await run(again, `${stage.name}, once more`);
  if (summary.failures.length === 0) {
    console.log(`UNSTEADY ${files?.join(' ') ?? stage.name}: failed, then passed`);
  }
  return files ? replaced(first, files, summary) : summary;
}

const hasTime = ({ seconds }: Run) => performance.now() - begin + seconds * 1000 < ALL_DONE_BY_MS;
const runs: Run[] = [];
for (const stage of stages.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const one = await run(stage);
  runs.push(one);
  if (one.interrupted) break;
}
for (const one of runs) {
  // From one that was cut short there is nothing to be learnt by another.
  const failed = one.summary.failures.length > 0 && !one.timedOut && !one.interrupted;
  if (failed && one.stage.secondLook && hasTime(one)) one.summary = await secondLook(one);
}
for (const { stage, summary } of runs) reportDetails(stage, summary.failures);
const passed = runs.reduce((sum, { summary }) => sum + summary.passed, 0);
const failed = runs.reduce((sum, { summary }) => sum + summary.failures.length, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
