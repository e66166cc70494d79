// Takes the initial password a guest made for itself: once, bounded, never logged.
import type { GuestDirectory } from '../contract.ts';
import { type Answer, type MetadataRequest, type Services, text } from './message.ts';

/** OpenStack's limit; RSA-4096 in base64 takes 684. */
export const PASSWORD_MAX = 1_024;
const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;

export interface PasswordOutcome {
  /** 200 stored, 409 there is one already, 413 too long, 400 empty or (encrypted) not base64. */
  status: 200 | 400 | 409 | 413;
  /** Why it was not stored, in words for the guest; empty if it was. */
  why: string;
}

/** Takes a password that a guest sent, whichever way it came. An encrypted one is base64 in `body`, and kept so. */
export async function takePassword(
  directory: Pick<GuestDirectory, 'storeInitialPassword'>,
  vserverId: string,
  body: Buffer,
  how: 'clear' | 'encrypted',
): Promise<PasswordOutcome> {
  if (body.length === 0) return { status: 400, why: 'the password is empty' };
  if (body.length > PASSWORD_MAX) {
    return { status: 413, why: `a password has at most ${PASSWORD_MAX} bytes` };
  }
  if (how === 'encrypted' && !BASE64.test(body.toString('latin1'))) {
    return { status: 400, why: 'an encrypted password is sent as base64' };
  }
  const outcome = await directory.storeInitialPassword(vserverId, Buffer.from(body), how);
  return outcome === 'stored'
    ? { status: 200, why: '' }
    : { status: 409, why: 'the initial password is set already' };
}

/** The answer to one posted over HTTP. */
export async function acceptPassword(
  request: MetadataRequest,
  services: Services,
  how: 'clear' | 'encrypted',
): Promise<Answer> {
  // One line ending is what `echo` and `--post-file` add; it is not part of a password.
  const password = withoutLineEnding(request.body);
  const { vserverId } = request.guest.facts;
  const { status, why } = await takePassword(services.directory, vserverId, password, how);
  return status === 200 ? text('') : text(`${why}\n`, status);
}

/** Without one line ending at the end. */
export function withoutLineEnding(body: Buffer): Buffer {
  let end = body.length;
  if (body[end - 1] === 0x0a) end--;
  if (end < body.length && body[end - 1] === 0x0d) end--;
  return body.subarray(0, end);
}
