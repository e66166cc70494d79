// The one error of the whole product: the same over WebSocket, HTTP and the command line.

/** Every code an operation can fail with; documented one by one in docs/errors.md. */
export const ERROR_CODES = {
  'not-found': 'The resource named does not exist on this host.',
  'wrong-state': 'The resource exists, but its state does not allow this operation now.',
  'no-capacity': 'The host cannot promise what was asked: memory, vCPUs, disk space or addresses.',
  conflict: 'The name, address or request id is already taken by something else.',
  invalid: 'The request itself is wrong: an unknown field, a wrong type, a value out of bounds.',
  unsupported: 'This host, hypervisor or VServer cannot do it at all.',
  forbidden: 'The caller is known but has no right to this operation.',
  cancelled: 'The operation was cancelled by request and has been undone.',
  hypervisor: 'libvirt or QEMU refused or failed; its own words are in the message.',
  internal: 'A fault of the agent or of its host; the log of the agent has the details.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** What an error looks like on every wire. */
export interface ErrorBody {
  code: ErrorCode;
  /** One sentence for a person: what, why, what to do. */
  message: string;
  /** Ids of the resources and the operation involved, by kind. */
  ids: Record<string, string>;
}

/** The error every layer above the drivers throws. */
export class InnkeeperError extends Error {
  override readonly name = 'InnkeeperError';
  readonly code: ErrorCode;
  readonly ids: Record<string, string>;

  constructor(code: ErrorCode, message: string, ids: Record<string, string> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.ids = ids;
  }

  toJSON(): ErrorBody {
    return { code: this.code, message: this.message, ids: this.ids };
  }
}

/** True for a thing with a code of ours, whatever class carries it (drivers have their own class). */
function hasCode(error: unknown): error is { code: ErrorCode; message: string } {
  return error instanceof Error && 'code' in error && Object.hasOwn(ERROR_CODES, String(error.code));
}

/** Turns anything thrown into the one error, keeping the cause; unknown faults become `internal`. */
export function toInnkeeperError(error: unknown, ids: Record<string, string> = {}): InnkeeperError {
  if (error instanceof InnkeeperError) return error;
  if (hasCode(error)) return new InnkeeperError(error.code, error.message, ids, error);
  const message = error instanceof Error ? error.message : String(error);
  return new InnkeeperError('internal', message, ids, error);
}
