// The little of YAML that cloud-init's files need: block mappings and sequences with safely quoted scalars.

export type YamlValue = string | number | boolean | YamlValue[] | { [key: string]: YamlValue };

/** Words and numbers no YAML 1.1 parser takes for anything but a string are left without quotes. */
const PLAIN = /^[A-Za-z][A-Za-z0-9_.-]*$/;
const NOT_PLAIN = /^(?:true|false|yes|no|on|off|y|n|null|nan|inf)$/i;

/** A YAML document, ending in a line feed. Equal values give equal text; keys stay in their order. */
export function toYaml(value: { [key: string]: YamlValue }): string {
  return `${lines(value, '').join('\n')}\n`;
}

function lines(value: YamlValue, indent: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => nested(`${indent}-`, item, `${indent}  `, true));
  if (typeof value === 'object') {
    return Object.entries(value).flatMap(([key, item]) =>
      nested(`${indent}${scalar(key)}:`, item, `${indent}  `, false),
    );
  }
  return [indent + scalar(value)];
}

function nested(head: string, value: YamlValue, indent: string, inSequence: boolean): string[] {
  if (typeof value !== 'object') return [`${head} ${scalar(value)}`];
  const inner = lines(value, indent);
  const first = inner[0];
  if (first === undefined) return [`${head} ${Array.isArray(value) ? '[]' : '{}'}`];
  return inSequence ? [`${head} ${first.trimStart()}`, ...inner.slice(1)] : [head, ...inner];
}

/**
 * JSON's quoting is YAML's double-quoted style, except that YAML allows fewer characters to stand for themselves:
 * C1 controls, line and paragraph separators, the byte order mark and noncharacters are escaped too.
 */
function scalar(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value);
  if (PLAIN.test(value) && !NOT_PLAIN.test(value)) return value;
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
