// Runs the operator's programs as VServers come, run, stop and go; it follows events, so no operation ever waits for it.
import type { FastifyBaseLogger } from 'fastify';
import type { StoredEvent } from '../inventory/outbox.ts';
import type { AgentApi, Caller } from '../methods.ts';
import type { HookConfig, Moment } from './config.ts';
import { momentOf } from './moment.ts';
import { runHook } from './run-hook.ts';

/** Programs running at once; the others wait in the order of events. */
const AT_ONCE = 8;
const OBSERVER: Caller = { name: 'hooks', right: 'observe' };

/** Follows events from now on; closing ends that, and leaves programs that run to their time-out. */
export function startHooks(
  hooks: readonly HookConfig[],
  agent: AgentApi,
  log: FastifyBaseLogger,
): { close(): Promise<void> } {
  if (hooks.length === 0) return { close: async () => undefined };
  const closing = new AbortController();
  const running = new Set<Promise<void>>();
  const follow = async () => {
    for await (const event of agent.events(agent.hello().lastSequence, closing.signal)) {
      const moment = momentOf(event);
      if (moment === undefined) continue;
      for (const hook of hooks.filter(({ on }) => on.includes(moment))) {
        // Events wait on the disk while all places are taken.
        while (running.size >= AT_ONCE) await Promise.race(running);
        const run: Promise<void> = runOne(hook, moment, event).finally(() => running.delete(run));
        running.add(run);
      }
    }
  };
  const runOne = async (hook: HookConfig, moment: Moment, event: StoredEvent) => {
    const vserver = await facts(agent, event);
    const { id, name, state } = vserver;
    const input = `${JSON.stringify({ moment, event, vserver: vserver.attributes })}\n`;
    const timeoutMs = hook.timeout_seconds * 1000;
    const outcome = await runHook({
      command: hook.command,
      args: [moment, id, name, state],
      input,
      timeoutMs,
    });
    const fields = { hook: hook.command, moment, vserver: id, ended: outcome.ended, output: outcome.output };
    if (outcome.ok) log.debug(fields, 'a hook was run');
    else log.warn(fields, 'a hook failed; nothing depends on it');
  };
  const following = follow().catch((error) => {
    if (!closing.signal.aborted) log.error({ err: error }, 'hooks are no longer run');
  });
  return {
    async close() {
      closing.abort();
      await following;
    },
  };
}

/** What is known of the VServer now; of one that is gone, what its event tells. */
async function facts(agent: AgentApi, event: StoredEvent) {
  const id = event.ids.vserver ?? '';
  const attributes = (await agent
    .call('getVServerAttributes', { vserverId: id }, OBSERVER)
    .catch(() => null)) as {
    name: string;
    state: string;
  } | null;
  const state = String(event.data.state ?? attributes?.state ?? '');
  return { id, name: attributes?.name ?? String(event.data.name ?? ''), state, attributes };
}
