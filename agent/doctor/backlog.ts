// Is anything stuck: operations that do not end, events that nobody fetches?
import { type Check, type Finding, fault, fine, warning } from './check.ts';

const STUCK_MS = 3_600_000;
const MANY_EVENTS = 10_000;

interface Operation {
  id: string;
  kind: string;
  state: string;
  step: string;
  startTime: string;
}

export const backlog: Check = {
  name: 'backlog',
  async run({ agent, senses }) {
    const found: Omit<Finding, 'check'>[] = [];
    const operations = (await agent.call('listOperation', { limit: 1000 })) as Operation[];
    const open = operations.filter(({ state }) => state === 'running' || state === 'undoing');
    for (const { id, kind, step, startTime } of open) {
      if (senses.now() - Date.parse(startTime) < STUCK_MS) continue;
      const means = 'Whatever it holds cannot be changed until it ends.';
      const what = `innkeeper operation show ${id}; if it waits for something that will not come: innkeeper operation cancel ${id}`;
      found.push(
        fault('operation-stuck', `${kind} ${id} has been at "${step}" since ${startTime}.`, means, what),
      );
    }
    const metrics = await agent.text('/metrics');
    const waiting = metrics.matchAll(/^innkeeper_events_unacknowledged\{receiver="([^"]*)"\} (\d+)$/gm);
    for (const [, receiver, count] of waiting) {
      if (Number(count) < MANY_EVENTS) continue;
      const means = 'It is away or does not acknowledge; after a million events the oldest are dropped.';
      const what = 'Bring it back, or take it out of the configuration.';
      found.push(warning('events-unacknowledged', `${count} events wait for ${receiver}.`, means, what));
    }
    return found.length > 0 ? found : [fine(`${open.length} operations under way, no backlog`)];
  },
};
