// Which moment in the life of a VServer an event tells of. Pure.
import type { StoredEvent } from '../inventory/outbox.ts';
import type { Moment } from './config.ts';

/** The moment, or undefined for an event that is none: a change of condition or reason only, or of something else. */
export function momentOf({ type, data }: StoredEvent): Moment | undefined {
  if (type === 'vserver.created') return 'create';
  if (type === 'vserver.destroyed') return 'done';
  if (type === 'vserver.create-failed') return 'error';
  if (type !== 'vserver.state' || data.state === data.previous) return undefined;
  if (data.state === 'running') return 'running';
  if (data.state === 'stopping') return 'shutdown';
  if (data.state === 'error') return 'error';
  return data.previous === 'running' || data.previous === 'stopping' ? 'stop' : undefined;
}
