// What is said on one link: hello, where to go on, and everything that is reported until it ends.
import { Value } from '@sinclair/typebox/value';
import type { FastifyBaseLogger } from 'fastify';
import type { StoredEvent } from '../inventory/outbox.ts';
import type { MeterBatch } from '../metering/meter-store.ts';
import type { Caller } from '../methods.ts';
import { NumberedSender } from './numbered-sender.ts';
import { type Hello, HelloAnswer } from './protocol.ts';
import { type Notify, reportCapacity, reportOperations } from './reports.ts';
import type { RpcPeer } from './rpc-peer.ts';
import type { SessionOptions } from './session.ts';

/** What one link delivers and waits to have acknowledged. */
export interface Senders {
  events: NumberedSender<StoredEvent>;
  samples: NumberedSender<MeterBatch>;
}

/** Makes the senders of one link; nothing is sent before `converse`. */
export function sendersFor({ agent, caller, limits, log }: SessionOptions, notify: Notify): Senders {
  return {
    events: new NumberedSender({
      what: 'Event',
      follow: (after, signal) => agent.events(after, signal),
      acknowledge: (seq) => agent.acknowledge(caller.name, seq),
      window: limits.eventWindow,
      send: (event) => notify('event', event),
      log,
    }),
    samples: new NumberedSender({
      what: 'Sample',
      follow: (after, signal) => agent.metering?.batches(after, signal) ?? nothing(),
      acknowledge: async (seq) => agent.metering?.acknowledge(caller.name, seq),
      window: limits.sampleWindow,
      send: ({ samples }) => notify('samples', { samples }),
      log,
    }),
  };
}

async function* nothing(): AsyncGenerator<never> {}

/** Says hello, then reports until the link ends. @throws Error when the answer to hello is wrong */
export async function converse(
  peer: RpcPeer,
  { events, samples }: Senders,
  options: SessionOptions,
  ended: AbortSignal,
): Promise<void> {
  const { agent, caller, clock, limits, log } = options;
  const facts = agent.hello();
  const acknowledged = agent.acknowledged(caller.name);
  const hello = {
    ...facts,
    acknowledged,
    maxMessageBytes: limits.maxMessageBytes,
    ...meteringFacts(options),
  };
  const answer: unknown = (await peer.request('hello', hello)) ?? {};
  if (!Value.Check(HelloAnswer, answer)) {
    const first = Value.Errors(HelloAnswer, answer).First();
    throw new Error(`The answer to hello is wrong at "${first?.path}": ${first?.message}`);
  }
  const kept: Acknowledged = {
    lastSequence: agent.hello().lastSequence,
    acknowledged: (name) => agent.acknowledged(name),
    acknowledge: (name, seq) => agent.acknowledge(name, seq),
  };
  const after = await resumeAfter(kept, caller.name, answer.acknowledged, log);
  log.info({ after, lastSequence: facts.lastSequence }, 'the control plane is connected');
  const interval = (answer.capacityIntervalSeconds ?? limits.capacityInterval / 1000) * 1000;
  const notify = (method: string, params: unknown) => peer.notify(method, params);
  const observer: Caller = { name: caller.name, right: 'observe' };
  await Promise.all([
    events.run(after, ended),
    sendSamples(samples, options, answer, ended),
    reportOperations(agent, notify, ended),
    reportCapacity({ agent, caller: observer, clock, interval, notify, log }, ended),
  ]);
}

function meteringFacts({ agent, caller }: SessionOptions): Pick<Hello, 'metering'> {
  const { metering } = agent;
  if (!metering) return {};
  const { intervalSeconds, lastSequence } = metering;
  return { metering: { intervalSeconds, lastSequence, acknowledged: metering.acknowledged(caller.name) } };
}

/** Only to a control plane that asks for them: another one could do nothing but throw them away. */
async function sendSamples(
  sender: NumberedSender<MeterBatch>,
  { agent, caller, log }: SessionOptions,
  { metering: wanted }: HelloAnswer,
  ended: AbortSignal,
): Promise<void> {
  const { metering } = agent;
  if (!metering || !wanted) return;
  await sender.run(await resumeAfter(metering, caller.name, wanted.acknowledged, log), ended);
}

/** What is numbered, kept and acknowledged. */
interface Acknowledged {
  readonly lastSequence: number;
  acknowledged(name: string): number;
  acknowledge(name: string, seq: number): Promise<void>;
}

/**
 * Where to go on. The control plane's word counts, forward (it kept more than it could acknowledge) and back
 * (it was restored from an older state); only what this host has never written cannot be known to it.
 */
async function resumeAfter(
  source: Acknowledged,
  name: string,
  answered: number | undefined,
  log: FastifyBaseLogger,
): Promise<number> {
  const { lastSequence } = source;
  const known = source.acknowledged(name);
  const claimed = answered ?? known;
  if (claimed > lastSequence) {
    log.warn({ claimed, lastSequence }, 'the control plane knows another history of this host');
    return Math.min(known, lastSequence);
  }
  if (claimed > known) await source.acknowledge(name, claimed);
  return claimed;
}
