// Waits until something is so; the limit is generous because the machine may be busy.
import { inspect } from 'node:util';
import type { TestAgent } from './agent-process.ts';

const LIMIT_MS = 90_000;
const STEP_MS = 50;

/** Asks `look` until `seen` is true of its answer, and returns that answer. */
export async function eventually<T>(
  look: () => Promise<T>,
  seen: (value: T) => boolean,
  what: string,
): Promise<T> {
  let last: T | undefined;
  for (const end = Date.now() + LIMIT_MS; Date.now() < end; ) {
    last = await look();
    if (seen(last)) return last;
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  throw new Error(`${what} did not come; last seen: ${inspect(last)}`);
}

export interface Status {
  state: string;
  power: string;
  reason: string;
  condition?: string;
}

/** The status of a VServer once `seen` is true of it. */
export function statusWhen(
  agent: TestAgent,
  vserverId: string,
  seen: (status: Status) => boolean,
): Promise<Status> {
  return eventually(
    () => agent.call<Status>('getVServerStatus', { vserverId }),
    seen,
    `the state of ${vserverId}`,
  );
}

/** The events of the agent so far. */
export async function eventsOf(agent: TestAgent, after = 0) {
  const events: { seq: number; type: string; ids: Record<string, string>; data: Record<string, unknown> }[] =
    [];
  for await (const event of await agent.client.stream(`/v1/events?after=${after}`))
    events.push(event as (typeof events)[number]);
  return events;
}
