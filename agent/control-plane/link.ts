// The link to one control plane: dialled by the agent, held open, and dialled again for as long as the agent lives.
import type { FastifyBaseLogger } from 'fastify';
import type { AgentApi, Right } from '../methods.ts';
import { Backoff, type BackoffOptions, DEFAULT_BACKOFF } from './backoff.ts';
import { type Clock, pause, systemClock } from './clock.ts';
import { type Credentials, checkedUrl, dial } from './dial.ts';
import { DEFAULT_LIMITS, runSession, type SessionLimits } from './session.ts';

/** A control plane and how to reach it. */
export interface ControlPlaneOptions extends Credentials {
  /** `wss://…`; `ws://` too, but no token is sent over it except to this host itself. */
  url: string;
  /** Name under which its acknowledgements are kept, and creator of what it makes. */
  name: string;
  /** What it may do here. */
  right: Right;
  agent: AgentApi;
  log: FastifyBaseLogger;
  /** Asked before each attempt, so that renewed tokens and certificates need no restart; overrides the fixed ones. */
  credentials?: () => Promise<Credentials>;
  /** Public keys of which the control plane's certificate must have one, besides being valid. */
  pins?: readonly string[];
  backoff?: BackoffOptions;
  limits?: Partial<SessionLimits>;
  /** Time a connection has to open, in ms. */
  openTime?: number;
  /** Age at which a connection has proved good, in ms: only then do the waits begin anew. */
  stableTime?: number;
  clock?: Clock;
}

/**
 * Connects, and connects again whenever the link is lost, until closed. A control plane that is away is no error.
 * @throws InnkeeperError `invalid` at once for a URL that can never work
 */
export function connectControlPlane(options: ControlPlaneOptions): { close(): Promise<void> } {
  checkedUrl(options.url, options.token !== undefined);
  const closing = new AbortController();
  const done = keepLinked(options, closing.signal);
  return {
    async close() {
      closing.abort();
      await done;
    },
  };
}

async function keepLinked(options: ControlPlaneOptions, closing: AbortSignal): Promise<void> {
  const { clock = systemClock, stableTime = 30_000 } = options;
  const log = options.log.child({ controlPlane: options.name });
  const backoff = new Backoff(options.backoff ?? DEFAULT_BACKOFF);
  // Makes a new control plane known as a receiver, so that events are kept for it until it first comes.
  await options.agent
    .acknowledge(options.name, 0)
    .catch((error) => log.warn({ err: error }, 'not remembered'));
  while (!closing.aborted) {
    const began = clock.now();
    try {
      await linkOnce(options, log, clock, closing);
    } catch (error) {
      log.warn({ err: error }, 'the control plane cannot be reached');
    }
    if (clock.now() - began >= stableTime) backoff.reset();
    if (closing.aborted) return;
    const wait = backoff.next();
    log.info({ wait }, 'the link is down; it will be dialled again');
    await pause(clock, wait, closing);
  }
}

async function linkOnce(
  options: ControlPlaneOptions,
  log: FastifyBaseLogger,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const opening = {
    maxMessageBytes: limits.maxMessageBytes,
    openTime: options.openTime ?? 15_000,
    ...(options.pins ? { pins: options.pins } : {}),
  };
  const credentials = options.credentials ? await options.credentials() : fixedCredentials(options);
  const socket = await dial(options.url, credentials, opening, signal);
  const caller = { name: options.name, right: options.right };
  const session = runSession(socket, { agent: options.agent, caller, clock, limits, log, signal });
  socket.resume();
  await session;
}

function fixedCredentials({ token, ca, cert, key }: ControlPlaneOptions): Credentials {
  return {
    ...(token === undefined ? {} : { token }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
