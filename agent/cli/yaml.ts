// Results as YAML, for people who like to read what programs can read, too.
import { safeJson } from './printable.ts';

/** Words that no reader of YAML 1.1 or 1.2 takes for anything but a string. */
const PLAIN = /^[A-Za-z][A-Za-z0-9_-]*$/;
const NOT_PLAIN = /^(?:true|false|yes|no|on|off|y|n|null|nan|inf)$/i;

/** Any JSON value as a YAML document; what is not a plain word is quoted as JSON is, which is YAML, too. */
export function yaml(value: unknown): string {
  return `${block(value, '').join('\n')}\n`;
}

function block(value: unknown, indent: string): string[] {
  if (Array.isArray(value) && value.length > 0) {
    return value.flatMap((item) => {
      const [first = '', ...rest] = block(item, `${indent}  `);
      return [`${indent}- ${first.trimStart()}`, ...rest];
    });
  }
  const members = isRecord(value) ? Object.entries(value).filter(([, member]) => member !== undefined) : [];
  if (members.length === 0) return [indent + scalar(value)];
  return members.flatMap(([name, member]) => {
    const head = `${indent}${scalar(name)}:`;
    const nested = isRecord(member) || Array.isArray(member);
    if (!nested || Object.keys(member).length === 0) return [`${head} ${scalar(member)}`];
    return [head, ...block(member, `${indent}  `)];
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function scalar(value: unknown): string {
  if (typeof value === 'string' && PLAIN.test(value) && !NOT_PLAIN.test(value)) return value;
  return safeJson(value);
}
