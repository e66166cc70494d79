// The other half of the fault sweep: libvirtd is killed at, and a moment after, the beginning of every step of the slow
// operations, and started again. The operation ends as if nothing had been; nothing is lost and nothing is over.
import t, { type Test } from 'tap';
import { OPERATIONS } from '../../agent/operations/kinds.ts';
import { answerOf, clearAway, filledIn, inTime, type Lane, runLanes } from './lanes.ts';
import { SCENARIOS, WITHOUT_LIBVIRTD } from './scenarios.ts';

/** One kind only, where the environment names it. */
const only = process.env.SWEEP;
/** So long after the beginning of the step; the second is in the midst of a start or a save. */
const DELAYS_MS = [0, 120];

interface Point {
  kind: string;
  step: string;
  delayMs: number;
}

const points = OPERATIONS.filter(
  ({ definition: { name } }) => name in WITHOUT_LIBVIRTD && (!only || name === only),
).flatMap(({ definition, steps }) =>
  steps.flatMap(({ name: step }) => DELAYS_MS.map((delayMs) => ({ kind: definition.name, step, delayMs }))),
);

await runLanes<Point>(t, 'an operation during which libvirtd is killed ends as it should', {
  points,
  name: ({ kind, step, delayMs }) => `${kind} ${step}, libvirtd killed after ${delayMs} ms`,
  ownLibvirtd: true,
  try: onePoint,
});

async function onePoint(t: Test, { agent, bare, libvirtd }: Lane, { kind, step, delayMs }: Point) {
  const scenario = { ...SCENARIOS[kind]!, ...WITHOUT_LIBVIRTD[kind] };
  await scenario.before?.(agent);
  const requestId = `${kind}-${step}-${delayMs}`;
  const params = { ...(await filledIn(agent, scenario.params)), requestId };
  await agent.killAt(`${kind} ${step} before`, libvirtd!.pid(), delayMs);
  const asked = answerOf(agent, kind, params);
  await inTime('the end of libvirtd', libvirtd!.gone());
  await agent.killAt(undefined);
  await libvirtd!.start();
  const answer = await inTime('the answer', asked);
  t.notOk(answer.error, 'it waits for libvirtd and goes on');
  t.same(await answerOf(agent, kind, params), answer, 'the same answer');
  await scenario.after(agent, t, answer.result!);
  await clearAway(agent);
  t.same(await agent.leftovers(), bare, 'nothing over');
}
