// How the one error looks over HTTP: a status for each code, and always the same body.
import type { ErrorBody, ErrorCode } from '../resources/errors.ts';
import { InnkeeperError, toInnkeeperError } from '../resources/errors.ts';

/** HTTP status of each code (RFC 9110; 507 from RFC 4918, the only status that says "no room"). */
export const HTTP_STATUS: Record<ErrorCode, number> = {
  'not-found': 404,
  'wrong-state': 409,
  'no-capacity': 507,
  conflict: 409,
  invalid: 400,
  unsupported: 501,
  forbidden: 403,
  cancelled: 409,
  hypervisor: 502,
  internal: 500,
};

/** What a client gets for anything that was thrown. */
export interface HttpFailure {
  status: number;
  body: { error: ErrorBody };
}

/** The failure as the outside may see it; the cause stays in the log. */
export function httpFailure(error: unknown): HttpFailure {
  const known = fromFramework(error) ?? toInnkeeperError(error);
  return { status: HTTP_STATUS[known.code], body: { error: known.toJSON() } };
}

/** Faults that fastify finds before a method is reached (unparsable body, body too large …) are the caller's. */
function fromFramework(error: unknown): InnkeeperError | undefined {
  if (error instanceof InnkeeperError || !(error instanceof Error)) return undefined;
  const status = 'statusCode' in error ? Number(error.statusCode) : 0;
  if (status < 400 || status >= 500) return undefined;
  return new InnkeeperError('invalid', `The request cannot be read: ${error.message}`, {}, error);
}
