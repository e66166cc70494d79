// libvirt's events as the contract's: an iterator over the client's queue, with nothing held in between.
import type { HypervisorEvent } from '../hypervisor.ts';
import type { DomainEvent, LibvirtEvent } from '../libvirt/mod.ts';
import type { Session } from './dialect.ts';
import { findMachine } from './samples.ts';
import { LIFECYCLE_STATES } from './states.ts';

/**
 * Subscribes at once and translates as it is read. An overflow of the queue is told as `connected`:
 * what it means to the reader is the same, everything must be compared anew.
 */
export function hypervisorEvents(session: Session): AsyncIterableIterator<HypervisorEvent> {
  const queue = session.client.events();
  const ready: HypervisorEvent[] = [];
  return {
    async next() {
      while (ready.length === 0) {
        const { done, value } = await queue.next();
        if (done) return { done: true, value: undefined };
        ready.push(...(await translate(session, value)));
      }
      return { done: false, value: ready.shift()! };
    },
    async return() {
      ready.length = 0;
      await queue.return();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function translate(session: Session, event: LibvirtEvent): Promise<HypervisorEvent[]> {
  switch (event.type) {
    case 'connected':
    case 'disconnected':
      return [event];
    case 'overflow':
      return [{ type: 'connected' }];
    case 'lifecycle':
      return lifecycle(session, event);
    default:
      return deviceEvent(event);
  }
}

/** Events that say what happened to a part of a machine. */
function deviceEvent(event: Exclude<DomainEvent, { type: 'lifecycle' }>): HypervisorEvent[] {
  const { name, uuid } = event.domain;
  switch (event.type) {
    case 'reboot':
      return [{ type: 'machine', name, uuid, state: 'running', reason: 'rebooted' }];
    case 'device-removed':
    case 'device-removal-failed':
      return [{ type: event.type, name, uuid, device: event.alias }];
    case 'agent-lifecycle':
      return [{ type: 'guest-agent', name, uuid, connected: event.connected }];
    case 'io-error': {
      const { path, alias, reason } = event;
      return [{ type: 'io-error', name, uuid, path, device: alias, reason }];
    }
    default:
      return [];
  }
}

type Lifecycle = Extract<DomainEvent, { type: 'lifecycle' }>;

async function lifecycle(session: Session, { domain, event, detail }: Lifecycle): Promise<HypervisorEvent[]> {
  const { name, uuid } = domain;
  const state = LIFECYCLE_STATES[event];
  if (state === 'look-up') return lookUp(session, { name, uuid, reason: event });
  const machine: HypervisorEvent = { type: 'machine', name, uuid, state, reason: detail };
  return event === 'crashed' ? [{ type: 'panic', name, uuid }, machine] : [machine];
}

/** The event itself does not tell the state (an undefined machine may still run): ask. */
async function lookUp(
  session: Session,
  { name, uuid, reason }: { name: string; uuid: string; reason: string },
): Promise<HypervisorEvent[]> {
  try {
    const sample = await findMachine(session, name);
    if (sample?.uuid === uuid) return [{ type: 'machine', name, uuid, state: sample.state, reason }];
    return [{ type: 'machine', name, uuid, reason }];
  } catch {
    return []; // cannot be asked now: `disconnected` is the next event, and `connected` makes the reader compare
  }
}
