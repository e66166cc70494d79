// What a user of the client may choose, and what is chosen otherwise.
import type { BackoffOptions } from './backoff.ts';
import type { DomainEventType } from './protocol/events.ts';
import type { KeepaliveOptions } from './rpc/keepalive.ts';

export interface LibvirtOptions {
  /** `qemu:///system`, `test:///default`, `qemu+tcp://host/system`, `qemu+unix:///system?socket=/path`. */
  uri: string;
  /** Refuses everything that changes something. */
  readOnly?: boolean;
  /** Own pings; `false` only where the peer is known not to like them. */
  keepalive?: KeepaliveOptions | false;
  /** Waits between attempts to reconnect; `false`: the client closes itself when the connection is lost. */
  reconnect?: BackoffOptions | false;
  /** Limit for connecting and shaking hands, in milliseconds. */
  connectTimeoutMs?: number;
  /** Limit for every call that names none of its own, in milliseconds; 0 means none. */
  callTimeoutMs?: number;
  /** Calls with the daemon at once. Keep it below `max_client_requests` of libvirtd.conf. */
  maxInFlight?: number;
  /** Calls waiting for a place; one more is refused. */
  maxQueued?: number;
  /** Kinds of domain events to ask for. */
  events?: readonly DomainEventType[];
  /** Events held for each subscriber that is behind. */
  eventCapacity?: number;
}

const DEFAULTS = {
  readOnly: false,
  keepalive: { intervalMs: 5_000, count: 3 } as KeepaliveOptions | false,
  reconnect: { minMs: 100, maxMs: 10_000 } as BackoffOptions | false,
  connectTimeoutMs: 10_000,
  callTimeoutMs: 0,
  maxInFlight: 4,
  maxQueued: 10_000,
  eventCapacity: 1_000,
};

export type Settings = typeof DEFAULTS & LibvirtOptions;

/** The options with every default filled in. */
export function settings(options: LibvirtOptions): Settings {
  return { ...DEFAULTS, ...options };
}
