// Takes the initial password a guest made for itself: once, bounded, never logged.
import { type Answer, type MetadataRequest, type Services, text } from './message.ts';

/** OpenStack's limit; RSA-4096 in base64 takes 684. */
export const PASSWORD_MAX = 1_024;
const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;

/** 200 stored, 409 there is one already, 413 too long, 400 empty or (encrypted) not base64. */
export async function acceptPassword(
  request: MetadataRequest,
  services: Services,
  how: 'clear' | 'encrypted',
): Promise<Answer> {
  // One line ending is what `echo` and `--post-file` add; it is not part of a password.
  const password = withoutLineEnding(request.body);
  if (password.length === 0) return text('the password is empty\n', 400);
  if (password.length > PASSWORD_MAX) return text(`a password has at most ${PASSWORD_MAX} bytes\n`, 413);
  if (how === 'encrypted' && !BASE64.test(password.toString('latin1'))) {
    return text('an encrypted password is sent as base64\n', 400);
  }
  const { vserverId } = request.guest.facts;
  const outcome = await services.directory.storeInitialPassword(vserverId, Buffer.from(password), how);
  return outcome === 'stored' ? text('') : text('the initial password is set already\n', 409);
}

function withoutLineEnding(body: Buffer): Buffer {
  let end = body.length;
  if (body[end - 1] === 0x0a) end--;
  if (end < body.length && body[end - 1] === 0x0d) end--;
  return body.subarray(0, end);
}
