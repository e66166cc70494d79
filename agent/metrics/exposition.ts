// The text format that Prometheus reads (exposition format 0.0.4).

/** Labels of one value, by name. */
export type Labels = Readonly<Record<string, string>>;

/** One measured thing with its values. */
export interface Metric {
  /** Without the prefix; counters end in `_total`, units are base units. */
  name: string;
  help: string;
  type: 'gauge' | 'counter';
  values: readonly (readonly [labels: Labels, value: number | bigint])[];
}

/** The whole page; metrics without a value are left out. */
export function exposition(metrics: readonly Metric[]): string {
  return metrics
    .filter(({ values }) => values.length > 0)
    .map(({ name, help, type, values }) => {
      const lines = values.map(([labels, value]) => `${name}${braced(labels)} ${number(value)}\n`);
      return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n${lines.join('')}`;
    })
    .join('');
}

function braced(labels: Labels): string {
  const all = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`,
  );
  return all.length === 0 ? '' : `{${all.join(',')}}`;
}

/** Names of VServers are the tenants': nothing in them may end a line or a quotation. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function number(value: number | bigint): string {
  if (typeof value === 'bigint' || Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
