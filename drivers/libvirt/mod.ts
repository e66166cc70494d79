// The only door of this folder: a libvirt client that speaks libvirt's own RPC protocol.
export type { Caller } from './api/caller.ts';
export type { DomainStats } from './api/domains.ts';
export type { BackoffOptions } from './backoff.ts';
export { type ClientState, LibvirtClient } from './client.ts';
export {
  CallTimeoutError,
  ConnectionLostError,
  ERROR_NUMBERS,
  type ErrorName,
  isAgentFailure,
  isBusy,
  isConnectionLost,
  isExisting,
  isInvalid,
  isNotFound,
  isUnsupported,
  isWrongState,
  LibvirtError,
  ProtocolError,
  TooManyCallsError,
} from './errors.ts';
export type { LibvirtEvent } from './event-hub.ts';
export { EventQueue, type EventQueueOptions } from './event-queue.ts';
export type { LibvirtOptions } from './options.ts';
export type { DomainEvent, DomainEventType } from './protocol/events.ts';
export * from './protocol/flags.ts';
export type { Args, ProcedureName, Result } from './protocol/index.ts';
export { type DomainState, domainState, type LifecycleEventName } from './protocol/names.ts';
export type { DomainRef, NetworkRef, StoragePoolRef, StorageVolRef } from './protocol/types.ts';
export type { CallOptions } from './rpc/call.ts';
export type { KeepaliveOptions } from './rpc/keepalive.ts';
export type { TypedParam, TypedValue, TypedValues } from './rpc/typed-params.ts';
export { parseUri } from './uri.ts';
