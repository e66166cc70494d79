// What a guest may say to the agent on its second serial port: its initial password, in one of two forms.
import type { PasswordForm } from '../initial-password.ts';

export interface Marker {
  how: PasswordForm;
  /** The password; if encrypted, base64 as it came, which is how the other ways bring it. */
  password: Buffer;
}

const FORMS: Readonly<Record<string, PasswordForm>> = {
  'INNKEEPER-INITIAL-PASSWORD': 'clear',
  'INNKEEPER-ENCRYPTED-PASSWORD': 'encrypted',
};
const MARKER = /^([A-Z-]{1,64}) ((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/;

/** One word, one space, base64 (RFC 4648 section 4, padded); undefined if the line is anything else. */
export function parseMarker(line: Buffer): Marker | undefined {
  const [, word = '', base64 = ''] = MARKER.exec(line.toString('latin1')) ?? [];
  const how = Object.hasOwn(FORMS, word) ? FORMS[word] : undefined;
  if (!how) return undefined;
  return { how, password: Buffer.from(base64, how === 'clear' ? 'base64' : 'latin1') };
}
