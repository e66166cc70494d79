// Names for the numbers libvirt uses in states and events (libvirt-domain.h), as tables.

/** virDomainState, with the reasons of each state (virDomain*Reason), by their numbers. */
export const DOMAIN_STATES = [
  { state: 'nostate', reasons: ['unknown'] },
  {
    state: 'running',
    reasons: [
      'unknown',
      'booted',
      'migrated',
      'restored',
      'from-snapshot',
      'unpaused',
      'migration-canceled',
      'save-canceled',
      'wakeup',
      'crashed',
      'postcopy',
      'postcopy-failed',
    ],
  },
  { state: 'blocked', reasons: ['unknown'] },
  {
    state: 'paused',
    reasons: [
      'unknown',
      'user',
      'migration',
      'save',
      'dump',
      'io-error',
      'watchdog',
      'from-snapshot',
      'shutting-down',
      'snapshot',
      'crashed',
      'starting-up',
      'postcopy',
      'postcopy-failed',
      'api-error',
    ],
  },
  { state: 'shutdown', reasons: ['unknown', 'user'] },
  {
    state: 'shutoff',
    reasons: [
      'unknown',
      'shutdown',
      'destroyed',
      'crashed',
      'migrated',
      'saved',
      'failed',
      'from-snapshot',
      'daemon',
    ],
  },
  { state: 'crashed', reasons: ['unknown', 'panicked'] },
  { state: 'pmsuspended', reasons: ['unknown'] },
] as const;

export type DomainState = (typeof DOMAIN_STATES)[number]['state'];

/** A state and its reason as words; numbers newer than the table become `nostate` / `reason-n`. */
export function domainState(state: number, reason: number): { state: DomainState; reason: string } {
  const row = DOMAIN_STATES[state];
  if (row === undefined) return { state: 'nostate', reason: `state-${state}` };
  return { state: row.state, reason: row.reasons[reason] ?? `reason-${reason}` };
}

/** virDomainEventType, with the details of each. */
export const LIFECYCLE_EVENTS = [
  { event: 'defined', details: ['added', 'updated', 'renamed', 'from-snapshot'] },
  { event: 'undefined', details: ['removed', 'renamed'] },
  {
    event: 'started',
    details: ['booted', 'migrated', 'restored', 'from-snapshot', 'wakeup', 'recreated'],
  },
  {
    event: 'suspended',
    details: [
      'paused',
      'migrated',
      'io-error',
      'watchdog',
      'restored',
      'from-snapshot',
      'api-error',
      'postcopy',
      'postcopy-failed',
    ],
  },
  { event: 'resumed', details: ['unpaused', 'migrated', 'from-snapshot', 'postcopy', 'postcopy-failed'] },
  {
    event: 'stopped',
    details: [
      'shutdown',
      'destroyed',
      'crashed',
      'migrated',
      'saved',
      'failed',
      'from-snapshot',
      'recreated',
    ],
  },
  { event: 'shutdown', details: ['finished', 'guest', 'host'] },
  { event: 'pmsuspended', details: ['memory', 'disk'] },
  { event: 'crashed', details: ['panicked', 'crashloaded'] },
] as const;

export type LifecycleEventName = (typeof LIFECYCLE_EVENTS)[number]['event'];

/** virDomainBlockJobType. */
export const BLOCK_JOBS = ['unknown', 'pull', 'copy', 'commit', 'active-commit', 'backup'] as const;
/** virConnectDomainEventBlockJobStatus. */
export const BLOCK_JOB_STATUSES = ['completed', 'failed', 'canceled', 'ready'] as const;
/** virDomainEventIOErrorAction. */
export const IO_ERROR_ACTIONS = ['none', 'pause', 'report'] as const;
/** virDomainEventWatchdogAction. */
export const WATCHDOG_ACTIONS = [
  'none',
  'pause',
  'reset',
  'poweroff',
  'shutdown',
  'debug',
  'inject-nmi',
] as const;
/** virConnectDomainEventAgentLifecycleReason. */
export const AGENT_REASONS = ['unknown', 'domain-started', 'channel'] as const;

/** The name at `number`, or the number itself as text for one newer than the table. */
export function nameOf(names: readonly string[], number: number): string {
  return names[number] ?? `${number}`;
}
