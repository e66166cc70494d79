// Protocol table: domain events, their ids, the procedure each arrives as, and what it becomes.
import { type Codec, int, optional, struct, text } from '../rpc/codec.ts';
import { type TypedValues, typedValues } from '../rpc/typed-params.ts';
import {
  AGENT_REASONS,
  BLOCK_JOB_STATUSES,
  BLOCK_JOBS,
  IO_ERROR_ACTIONS,
  LIFECYCLE_EVENTS,
  type LifecycleEventName,
  nameOf,
  WATCHDOG_ACTIONS,
} from './names.ts';
import { type DomainRef, domainRef, LIST_MAX } from './types.ts';

/** An event as it happened to a domain. */
export type DomainEvent =
  /** `event: 'crashed', detail: 'panicked'` is a guest panic. */
  | { type: 'lifecycle'; domain: DomainRef; event: LifecycleEventName | 'unknown'; detail: string }
  | { type: 'reboot'; domain: DomainRef }
  | { type: 'watchdog'; domain: DomainRef; action: string }
  /** `alias` is the device's, `path` that of its source. */
  | { type: 'io-error'; domain: DomainRef; path: string; alias: string; action: string; reason: string }
  /** The hypervisor's monitor can no longer be used; the guest may still run. */
  | { type: 'control-error'; domain: DomainRef }
  /** `disk` is the target name (`vda`). */
  | { type: 'block-job'; domain: DomainRef; disk: string; job: string; status: string }
  | { type: 'tray-change'; domain: DomainRef; alias: string; open: boolean }
  | { type: 'device-added'; domain: DomainRef; alias: string }
  | { type: 'device-removed'; domain: DomainRef; alias: string }
  | { type: 'device-removal-failed'; domain: DomainRef; alias: string }
  | { type: 'agent-lifecycle'; domain: DomainRef; connected: boolean; reason: string }
  | { type: 'job-completed'; domain: DomainRef; params: TypedValues }
  | { type: 'metadata-change'; domain: DomainRef; metadata: number; uri: string | null };

export type DomainEventType = DomainEvent['type'];

/** How one kind of event is asked for and read. */
export interface EventDefinition {
  /** virDomainEventID, for the registration. */
  id: number;
  /** Number of the message it arrives as. */
  procedure: number;
  decode: Codec<DomainEvent>['decode'];
}

/** Old events arrive as {callbackId, {domain, …}}, new ones flat: on the wire the same bytes. */
function event<T>(id: number, procedure: number, body: Codec<T>, make: (message: T) => DomainEvent) {
  const definition: EventDefinition = {
    id,
    procedure,
    decode(input) {
      int.decode(input); // the callback's id: there is one registration per kind, so the kind says it all
      return make(body.decode(input));
    },
  };
  return definition;
}

const aliased = struct({ domain: domainRef, alias: text });

function lifecycle(message: { domain: DomainRef; event: number; detail: number }): DomainEvent {
  const row = LIFECYCLE_EVENTS[message.event];
  const detail = nameOf(row?.details ?? [], message.detail);
  return { type: 'lifecycle', domain: message.domain, event: row?.event ?? 'unknown', detail };
}

/** The kinds of events this client understands. */
export const EVENTS: Record<DomainEventType, EventDefinition> = {
  lifecycle: event(0, 318, struct({ domain: domainRef, event: int, detail: int }), lifecycle),
  reboot: event(1, 319, struct({ domain: domainRef }), (message) => ({ type: 'reboot', ...message })),
  watchdog: event(3, 321, struct({ domain: domainRef, action: int }), ({ domain, action }) => ({
    type: 'watchdog',
    domain,
    action: nameOf(WATCHDOG_ACTIONS, action),
  })),
  'io-error': event(
    6,
    324,
    struct({ domain: domainRef, path: text, alias: text, action: int, reason: text }),
    (message) => ({ type: 'io-error', ...message, action: nameOf(IO_ERROR_ACTIONS, message.action) }),
  ),
  'control-error': event(7, 325, struct({ domain: domainRef }), (message) => ({
    type: 'control-error',
    ...message,
  })),
  'tray-change': event(10, 328, struct({ domain: domainRef, alias: text, reason: int }), (message) => ({
    type: 'tray-change',
    domain: message.domain,
    alias: message.alias,
    open: message.reason === 0,
  })),
  'device-removed': event(15, 333, aliased, (message) => ({ type: 'device-removed', ...message })),
  'block-job': event(
    16,
    339,
    struct({ domain: domainRef, disk: text, job: int, status: int }),
    ({ domain, disk, job, status }) => ({
      type: 'block-job',
      domain,
      disk,
      job: nameOf(BLOCK_JOBS, job),
      status: nameOf(BLOCK_JOB_STATUSES, status),
    }),
  ),
  'agent-lifecycle': event(
    18,
    348,
    struct({ domain: domainRef, state: int, reason: int }),
    ({ domain, state, reason }) => ({
      type: 'agent-lifecycle',
      domain,
      connected: state === 1,
      reason: nameOf(AGENT_REASONS, reason),
    }),
  ),
  'device-added': event(19, 354, aliased, (message) => ({ type: 'device-added', ...message })),
  'job-completed': event(
    21,
    363,
    struct({ domain: domainRef, params: typedValues(LIST_MAX.params) }),
    (message) => ({ type: 'job-completed', ...message }),
  ),
  'device-removal-failed': event(22, 367, aliased, (message) => ({
    type: 'device-removal-failed',
    ...message,
  })),
  'metadata-change': event(
    23,
    379,
    struct({ domain: domainRef, metadata: int, uri: optional(text) }),
    (message) => ({ type: 'metadata-change', ...message }),
  ),
};
