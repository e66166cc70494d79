// Takes out of texts and values what must not leave the host: keys, tokens, passwords, and what tenants gave to their guests.

/** Names of members whose values are secret, or the tenant's own. */
const SECRET = /^(user_?data|.*password.*|.*token|.*secret.*|ssh_?keys|variables|authorization|key)$/i;
/** Members that only name a file. */
const PATHS = /_file$/;
const HIDDEN = '(removed)';

/** A copy of any JSON value without its secrets; `null` and empty values stay, for they tell something. */
export function redacted(value: unknown): unknown {
  if (typeof value === 'string') return redactedText(value);
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const empty = member === undefined || member === null || member === '';
      return [name, SECRET.test(name) && !PATHS.test(name) && !empty ? HIDDEN : redacted(member)];
    }),
  );
}

/** Text without private keys (PEM), bearer tokens and passwords in addresses. */
export function redactedText(text: string): string {
  return text
    .replaceAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g, HIDDEN)
    .replaceAll(/(bearer )[\w.~+/=-]+/gi, `$1${HIDDEN}`)
    .replaceAll(/(\w+:\/\/)[^/\s@]+@/g, `$1${HIDDEN}@`);
}
