// Everything this client can fail with: one class per meaning, libvirt's own words kept.

/** libvirt's error numbers (virErrorNumber in virterror.h) that callers ask about. */
export const ERROR_NUMBERS = {
  INTERNAL_ERROR: 1,
  NO_SUPPORT: 3,
  NO_CONNECT: 5,
  INVALID_ARG: 8,
  OPERATION_FAILED: 9,
  XML_ERROR: 27,
  DOM_EXIST: 28,
  OPERATION_DENIED: 29,
  XML_DETAIL: 35,
  NETWORK_EXIST: 37,
  SYSTEM_ERROR: 38,
  RPC: 39,
  NO_DOMAIN: 42,
  NO_NETWORK: 43,
  AUTH_FAILED: 45,
  NO_STORAGE_POOL: 49,
  NO_STORAGE_VOL: 50,
  OPERATION_INVALID: 55,
  CONFIG_UNSUPPORTED: 67,
  OPERATION_TIMEOUT: 68,
  ARGUMENT_UNSUPPORTED: 74,
  OPERATION_ABORTED: 78,
  NO_DOMAIN_METADATA: 80,
  OPERATION_UNSUPPORTED: 84,
  AGENT_UNRESPONSIVE: 86,
  RESOURCE_BUSY: 87,
  ACCESS_DENIED: 88,
  STORAGE_VOL_EXIST: 90,
  XML_INVALID_SCHEMA: 92,
  AUTH_UNAVAILABLE: 94,
  AGENT_UNSYNCED: 97,
  DEVICE_MISSING: 99,
  AGENT_COMMAND_TIMEOUT: 112,
  AGENT_COMMAND_FAILED: 113,
} as const;

export type ErrorName = keyof typeof ERROR_NUMBERS;

const NAMES = new Map<number, ErrorName>(
  Object.entries(ERROR_NUMBERS).map(([name, number]) => [number, name as ErrorName]),
);

/** The fields of libvirt's `remote_error` that mean something to a caller. */
export interface LibvirtErrorFields {
  /** virErrorNumber. */
  code: number;
  /** virErrorDomain: the part of libvirt that failed (10 QEMU, 12 test, 20 domain …). */
  domain: number;
  message: string;
  /** virErrorLevel: 1 warning, 2 error. */
  level: number;
}

/** The daemon answered a call with an error. */
export class LibvirtError extends Error {
  override readonly name = 'LibvirtError';
  readonly code: number;
  readonly domain: number;
  readonly level: number;
  /** The procedure that failed, in the protocol's spelling (`domain_create_with_flags`). */
  readonly procedure: string;

  constructor(procedure: string, fields: LibvirtErrorFields) {
    super(fields.message);
    this.procedure = procedure;
    this.code = fields.code;
    this.domain = fields.domain;
    this.level = fields.level;
  }

  /** libvirt's name of the error without its prefix, or `ERROR_n` for one we have no name for. */
  get codeName(): string {
    return NAMES.get(this.code) ?? `ERROR_${this.code}`;
  }
}

/** The connection ended (or was never there); whether an unanswered call was carried out is unknown. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

/** The peer does not speak libvirt's protocol, or not correctly. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** No answer within the time the caller gave; libvirt may still carry the call out. */
export class CallTimeoutError extends Error {
  override readonly name = 'CallTimeoutError';
}

/** More calls are waiting than the client is willing to hold. */
export class TooManyCallsError extends Error {
  override readonly name = 'TooManyCallsError';
}

function hasName(error: unknown, names: readonly ErrorName[]): boolean {
  if (!(error instanceof LibvirtError)) return false;
  const name = NAMES.get(error.code);
  return name !== undefined && names.includes(name);
}

/** The domain, network, pool, volume, device or metadata named does not exist. */
export function isNotFound(error: unknown): boolean {
  return hasName(error, [
    'NO_DOMAIN',
    'NO_NETWORK',
    'NO_STORAGE_POOL',
    'NO_STORAGE_VOL',
    'NO_DOMAIN_METADATA',
    'DEVICE_MISSING',
  ]);
}

/** It exists, but its state does not allow this now ("domain is already running", "is not running"). */
export function isWrongState(error: unknown): boolean {
  return hasName(error, ['OPERATION_INVALID', 'RESOURCE_BUSY']);
}

/** Something else holds it, and has not let go in libvirt's own time. */
export function isBusy(error: unknown): boolean {
  return hasName(error, ['OPERATION_TIMEOUT']);
}

/** A thing of that name or UUID is there already. */
export function isExisting(error: unknown): boolean {
  return hasName(error, ['DOM_EXIST', 'NETWORK_EXIST', 'STORAGE_VOL_EXIST']);
}

/** The definition or an argument is wrong. */
export function isInvalid(error: unknown): boolean {
  return hasName(error, ['INVALID_ARG', 'XML_ERROR', 'XML_DETAIL', 'XML_INVALID_SCHEMA']);
}

/** This libvirt or this hypervisor cannot do it at all. */
export function isUnsupported(error: unknown): boolean {
  return hasName(error, [
    'NO_SUPPORT',
    'CONFIG_UNSUPPORTED',
    'ARGUMENT_UNSUPPORTED',
    'OPERATION_UNSUPPORTED',
  ]);
}

/** The guest agent is absent, deaf or refused. */
export function isAgentFailure(error: unknown): boolean {
  return hasName(error, [
    'AGENT_UNRESPONSIVE',
    'AGENT_UNSYNCED',
    'AGENT_COMMAND_TIMEOUT',
    'AGENT_COMMAND_FAILED',
  ]);
}

/** The daemon cannot be asked now; the same call may work after a reconnect. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof ConnectionLostError;
}
