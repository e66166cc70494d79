// A stage of the checks ends when it should, and takes every process it started with it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { runStage, type Stage } from '../../scripts/ci/stage.ts';

async function stage(t: Test, script: string, timeLimitMinutes = 1) {
  const folder = await mkdtemp(join(tmpdir(), 'ikt-stage-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const run: Stage = { name: 'x', command: ['bash', '-c', script], result: 'status', timeLimitMinutes };
  return await runStage(run, join(folder, 'log', 'x.log'));
}

/** True once no process has that id, or only a dead one that its new parent has not asked about yet. */
async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    if (state === undefined || /\) [ZX] /.test(state)) return true;
    await sleep(20);
  }
  return false;
}

t.test('output and status are those of the command', async (t) => {
  t.match(await stage(t, 'echo out; echo err >&2; exit 3'), {
    output: 'out\nerr\n',
    status: 3,
    timedOut: false,
  });
});

t.test('a child left behind, holding the output, is not waited for and does not survive', async (t) => {
  const { output, status } = await stage(t, 'sleep 60 & echo $!; exit 0');
  t.equal(status, 0);
  t.equal(await isGone(Number(output)), true);
});

t.test('a stage that hangs is ended with everything it started', async (t) => {
  const { output, status, timedOut } = await stage(t, 'sleep 60 & echo $!; wait', 0.005);
  t.equal(timedOut, true);
  t.equal(status, null);
  t.equal(await isGone(Number(output)), true);
});
