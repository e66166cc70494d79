// The border where libvirt's errors become the driver's: once, with libvirt's words and the cause kept.
import { DriverError, type DriverErrorCode } from '../hypervisor.ts';
import {
  isAgentFailure,
  isExisting,
  isInvalid,
  isNotFound,
  isUnsupported,
  isWrongState,
  LibvirtError,
} from '../libvirt/mod.ts';

/** Asked in this order; whatever none of them knows is the hypervisor's own failure. */
const QUESTIONS: readonly [DriverErrorCode, (error: unknown) => boolean][] = [
  ['not-found', isNotFound],
  ['conflict', isExisting],
  ['wrong-state', isWrongState],
  ['invalid', isInvalid],
  ['unsupported', isUnsupported],
  // An agent that is absent or deaf: the guest is not in a state to answer.
  ['wrong-state', isAgentFailure],
];

/** `error` as a DriverError; `what` says what was being done ("start web-1"). */
export function toDriverError(error: unknown, what: string): DriverError {
  if (error instanceof DriverError) return error;
  const code = QUESTIONS.find(([, holds]) => holds(error))?.[0] ?? 'hypervisor';
  const words = error instanceof Error ? error.message : String(error);
  const speaker = error instanceof LibvirtError ? 'libvirt says: ' : '';
  return new DriverError(code, `${what}: ${speaker}${words}`, error);
}

/** Runs one verb; everything it throws leaves as a DriverError. */
export async function border<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw toDriverError(error, what);
  }
}
