// The fault sweep: the agent is killed by SIGKILL at every boundary of every kind of operation, on its way forward and
// on its way back. After a restart the same request has the same answer, nothing is lost and nothing is over. The
// points are found from the engine.
import t, { type Test } from 'tap';
import { OPERATIONS } from '../../agent/operations/kinds.ts';
import type { TestAgent } from '../helpers/agent-process.ts';
import { type KillPoint, killPoints, undoPoints } from '../helpers/kill-points.ts';
import { answerOf, clearAway, filledIn, inTime, type Lane, runLanes } from './lanes.ts';
import { SCENARIOS } from './scenarios.ts';

/** Only the points whose names begin so: a kind of operation, or "createVNIC undo". */
const only = process.env.SWEEP ?? '';
const kinds = OPERATIONS.map(({ definition }) => definition.name);

t.test('every kind of operation has a scenario', async (t) => {
  t.same(
    kinds.filter((name) => !(name in SCENARIOS)),
    [],
  );
});

/** A place to kill, and the operation it is in. */
type Point = KillPoint & { kind: string };

const all: Point[] = kinds.flatMap((kind) => [
  ...killPoints(kind).map((kill) => ({ kind, kill })),
  ...undoPoints(kind).map((point) => ({ kind, ...point })),
]);
const points = all.filter((point) => nameOf(point).startsWith(only));
await runLanes<Point>(t, 'an agent killed anywhere ends what it began', {
  points,
  name: nameOf,
  alone: ({ kind }) => SCENARIOS[kind]!.alone ?? false,
  async try(t, lane, point) {
    if (point.fail === undefined) await forward(t, lane, point.kind, point.kill);
    else await back(t, lane, point.kind, point);
  },
});

function nameOf({ kill, fail }: KillPoint): string {
  return fail === undefined ? kill : `${kill}, after a failure`;
}

/** Asks, is cut off by the agent's death, starts it again, and asks the same twice. */
async function acrossDeath(agent: TestAgent, kind: string, params: object, point: KillPoint) {
  await agent.failAt(point.fail);
  await agent.crashAt(point.kill);
  await inTime(
    'the call that kills',
    agent.call(kind, params).catch(() => undefined),
  );
  await inTime('the death', agent.died());
  await agent.failAt(undefined);
  await agent.start();
  const first = await inTime('the answer', answerOf(agent, kind, params));
  return { first, again: await answerOf(agent, kind, params) };
}

async function forward(t: Test, { agent, bare }: Lane, kind: string, kill: string) {
  const scenario = SCENARIOS[kind]!;
  await scenario.before?.(agent);
  const params = { ...(await filledIn(agent, scenario.params)), requestId: kill.replaceAll(' ', '-') };
  const { first, again } = await acrossDeath(agent, kind, params, { kill });
  t.notOk(first.error, 'it is carried on');
  t.same(again, first, 'the same answer');
  await scenario.after(agent, t, first.result!);
  await clearAway(agent);
  t.same(await agent.leftovers(), bare, 'nothing over');
}

async function back(t: Test, { agent, bare }: Lane, kind: string, point: KillPoint) {
  const scenario = SCENARIOS[kind]!;
  await (scenario.beforeUndo ?? scenario.before)?.(agent);
  const params = await filledIn(agent, scenario.params);
  const before = await agent.leftovers();
  const requestId = nameOf(point).replaceAll(/[ ,]+/g, '-');
  const { first, again } = await acrossDeath(agent, kind, { ...params, requestId }, point);
  t.match(first.error, { code: 'internal', message: /made to fail/ }, 'it is taken back');
  t.same(again, first, 'the same answer');
  if (!scenario.leavesHalf) t.same(await agent.leftovers(), before, 'nothing over, nothing lost');
  if (!scenario.failsForGood) await scenario.after(agent, t, await agent.call(kind, params));
  await clearAway(agent);
  t.same(await agent.leftovers(), bare, 'nothing over after all');
}
