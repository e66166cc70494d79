// The configuration file in words, from its schema: the commented innkeeper.toml, and docs/configure.md.
import type { TSchema } from '@sinclair/typebox';
import { stringify } from 'smol-toml';
import { ConfigSchema } from '../../agent/config/config.ts';

interface Key {
  name: string;
  schema: TSchema;
  required: boolean;
}

/** A part of the file: its own keys, under no header, `[header]` or `[[header]]`. */
interface Section {
  header: string;
  help: string;
  keys: Key[];
  /** Not there unless somebody writes its header. */
  optional: boolean;
  /** Nothing of it is a default. */
  example: boolean;
  /** Entries that are there without any configuration; only for `[[header]]`. */
  entries: Record<string, unknown>[];
}

function keysOf(schema: TSchema): Key[] {
  const required = new Set<string>(schema.required ?? []);
  return Object.entries(schema.properties as Record<string, TSchema>).map(([name, of]) => ({
    name,
    schema: of,
    required: required.has(name) && of.default === undefined,
  }));
}

const isTable = (schema: TSchema) => schema.type === 'object';
const isList = (schema: TSchema) =>
  schema.type === 'array' && (isTable(schema.items) || schema.items.anyOf?.every(isTable) === true);

const isPlain = ({ schema }: Key) => !isTable(schema) && !isList(schema);

/** A table, or each kind of table that may stand there. */
const variants = (schema: TSchema): TSchema[] => schema.anyOf ?? [schema];

/** The tables and lists of tables in a table, each followed by its own. */
function below(schema: TSchema, path: string): Section[] {
  return keysOf(schema)
    .filter((key) => !isPlain(key))
    .flatMap(({ name, schema: part, required }) => {
      const list = isList(part);
      return variants(list ? part.items : part).flatMap((table, variant) => {
        const section: Section = {
          header: list ? `[[${path}${name}]]` : `[${path}${name}]`,
          help: variant === 0 ? part.help : `Another kind: ${table.properties.kind.const}`,
          optional: list || (part.default === undefined && !required) || path !== '',
          example: variant > 0,
          keys: keysOf(table).filter(isPlain),
          entries: list && variant === 0 ? (part.default ?? []) : [],
        };
        return [section, ...below(table, `${path}${name}.`)];
      });
    });
}

/** The file's parts in the schema's order. */
export function sections(): Section[] {
  const keys = keysOf(ConfigSchema).filter(isPlain);
  return [
    { header: '', help: '', optional: false, example: false, keys, entries: [] },
    ...below(ConfigSchema, ''),
  ];
}

/** What may be given, for people. */
function range(schema: TSchema): string {
  if (schema.anyOf) return schema.anyOf.map((option: TSchema) => option.const ?? range(option)).join(', ');
  if (schema.const !== undefined) return String(schema.const);
  if (schema.type === 'array') return `list of ${range(schema.items)}`;
  if (schema.type === 'boolean') return 'true, false';
  if (schema.type === 'string') {
    return schema.format === 'ip' ? 'address' : schema.pattern === '^/' ? 'absolute path' : 'text';
  }
  const { minimum, maximum } = schema;
  const what = schema.type === 'integer' ? 'whole number' : 'number';
  if (maximum !== undefined) return `${what}, ${minimum} to ${maximum}`;
  return minimum === undefined ? what : `${what}, at least ${minimum}`;
}

const toml = (name: string, value: unknown) => stringify({ [name]: value }).trimEnd();

/** Something to start from where there is no default. */
function sample({ name, schema }: Key): unknown {
  if (schema.anyOf) return schema.anyOf[0].const;
  if (schema.const !== undefined) return schema.const;
  if (schema.type === 'string') return schema.pattern === '^/' ? `/etc/innkeeper/${name}` : name;
  if (schema.type === 'boolean') return true;
  return schema.minimum ?? 0;
}

const EXAMPLES: Record<string, unknown> = {
  '[capacity] dedicated_cpus': '2-7',
  '[[vserver_type]] hugepages': '2M',
  '[[vserver_type]] default_vdisks_gb': [20],
  '[[vserver_type]] default_vnets': ['main'],
  '[[pool]] name': 'default',
  '[[pool]] path': '/var/lib/innkeeper/pools/default',
  '[[pool]] source': 'nas:/export',
  '[[pool]] options': 'hard,timeo=100,noatime,nosuid,nodev',
  '[[control_plane_listener.control_plane]] name': 'main',
  '[[control_plane]] name': 'main',
  '[[control_plane]] pin_sha256': ['AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='],
  '[control_plane_listener] port': 8443,
  '[[hook]] on': ['running', 'stop'],
  '[[hook]] command': '/etc/innkeeper/hooks/tell',
  '[[control_plane]] url': 'wss://control.example.net/hosts',
  '[inet] bridge': 'br0',
  '[inet] ipv4_gateway': '203.0.113.1',
  '[inet] ipv6_gateway': 'fe80::1',
  '[network] pxe_server': '192.0.2.66',
  '[network] pxe_file': 'undionly.kpxe',
  '[network] ipv6_range': 'fd12:3456:789a::/48',
};

function tomlLines({ header, help, optional, example, keys, entries }: Section): string[] {
  const lines: string[] = [];
  const mark = example ? '# ' : '#';
  // A table's header is no comment: its keys would else be taken for the host's when only they are uncommented.
  if (header !== '') lines.push(`# ${help}.`, `${optional ? mark : ''}${header}`);
  const [first = {}] = entries;
  for (const key of keys) {
    const { name, schema, required } = key;
    const value = first[name] ?? schema.default ?? EXAMPLES[`${header} ${name}`] ?? sample(key);
    const given = schema.default !== undefined || first[name] !== undefined || required;
    const optional = given ? '' : '; not set by default';
    lines.push(
      `# ${schema.help} (${range(schema)})${optional}.`,
      `${given ? mark : '# '}${toml(name, value)}`,
      '',
    );
  }
  for (const entry of entries.slice(1)) {
    lines.push(`#${header}`, ...Object.entries(entry).map(([name, value]) => `#${toml(name, value)}`), '');
  }
  return lines;
}

/** The file that is installed: every key with its default, all of it commented out. */
export function tomlFile(): string {
  return `${[
    '# Configuration of Innkeeper. Every line that begins with # and no blank shows a default: remove the #',
    '# to change it. `innkeeper config check` tells mistakes by line, `systemctl reload innkeeper` takes over',
    '# what can change while the agent runs. Described in innkeeper.toml(5).',
    '',
    ...sections().flatMap(tomlLines),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

function defaultText({ name, schema, required }: Key): string {
  if (schema.default !== undefined) return `\`${toml(name, schema.default).replace(`${name} = `, '')}\``;
  return required ? 'must be given' : 'not set';
}

function page({ header, help, example, keys, entries }: Section): string[] {
  const rows = keys.map(
    (key) => `| \`${key.name}\` | ${defaultText(key)} | ${range(key.schema)} | ${key.schema.help} |`,
  );
  const there = entries.map((entry) => `\`${JSON.stringify(entry)}\``).join(', ');
  return [
    `## ${header === '' ? 'The host' : `\`${header}\``}${example ? `, ${keys.find(({ name }) => name === 'kind')?.schema.const}` : ''}`,
    '',
    ...(help === '' ? [] : [`${help}.`, '']),
    ...(header.startsWith('[[') && !example
      ? ['May be given several times, each with a name of its own.', '']
      : []),
    ...(there === '' ? [] : [`Without any: ${there}.`, '']),
    '| key | default | values | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ];
}

const PREFACE = `# What can be configured?

One file, \`/etc/innkeeper/innkeeper.toml\` ([TOML](https://toml.io)); an empty file means the defaults. Unknown keys are refused.

    innkeeper config check             # every mistake with its line; exit code 1 if there is one
    systemctl reload innkeeper         # takes over what can change while the agent runs

A reload (SIGHUP) takes over \`log_level\`, \`vserver_type\`, \`control_plane\` and \`control_plane_listener\`, and reads tokens and certificates anew. Every other change is named in the log and waits for \`systemctl restart innkeeper\`, which no guest notices. A file with mistakes changes nothing.

Secrets are never in this file: \`token_file\` and \`key_file\` name files, which are read before each connection.

This page is written by \`npm run config-page\` from the schema in \`agent/config/config.ts\`.
`;

/** docs/configure.md. */
export function configurePage(): string {
  return `${[PREFACE, ...sections().flatMap(page)].join('\n').trimEnd()}\n`;
}

if (import.meta.main) process.stdout.write(configurePage());
