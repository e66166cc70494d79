// Turns results into what people read: tables for lists, indented lines for one thing.
import { printable } from './printable.ts';

/** One column: its heading and where its value is. */
export interface Column {
  heading: string;
  value(row: Record<string, unknown>): unknown;
}

/** A column whose value is the member of the same name. */
export function column(name: string, heading = name): Column {
  return { heading: heading.toUpperCase(), value: (row) => row[name] };
}

/** Rows of a list, whether the method gives an array or an object with one. */
export function rowsOf(result: unknown): Record<string, unknown>[] {
  const list = Array.isArray(result) ? result : Object.values(asRecord(result)).find(Array.isArray);
  return ((list ?? []) as unknown[]).map((row) => (isRecord(row) ? row : { value: row }));
}

/** A table with aligned columns; those that no row has a value for are left out. */
export function table(rows: Record<string, unknown>[], columns: readonly Column[]): string {
  const wanted = columns.length > 0 ? columns : Object.keys(rows[0] ?? {}).map((name) => column(name));
  const filled = wanted.filter(({ value }) => rows.some((row) => cell(value(row)) !== '-'));
  const shown = filled.length > 0 ? filled : wanted;
  const lines = [
    shown.map(({ heading }) => heading),
    ...rows.map((row) => shown.map(({ value }) => cell(value(row)))),
  ];
  const widths = shown.map((_, at) => Math.max(...lines.map((line) => width(line[at] ?? ''))));
  const pad = (text: string, at: number) => text + ' '.repeat((widths[at] ?? 0) - width(text));
  return lines.map((line) => `${line.map(pad).join('  ').trimEnd()}\n`).join('');
}

/** One thing, a line per member, indented where members have members. */
export function record(value: unknown, indent = ''): string {
  const members = Object.entries(asRecord(value)).filter(([, member]) => member !== undefined);
  const longest = Math.max(
    0,
    ...members.map(([name, member]) => (isNested(member) ? 0 : width(printable(name)))),
  );
  return members.map(([name, member]) => line(printable(name), member, longest, indent)).join('');
}

function line(name: string, member: unknown, longest: number, indent: string): string {
  if (!isNested(member)) return `${indent}${`${name}:`.padEnd(longest + 2)}${cell(member)}\n`;
  if (!Array.isArray(member)) return `${indent}${name}:\n${record(member, `${indent}  `)}`;
  // The members of each item stand under its dash, so that items can be told apart.
  const items = member.map((item) => record(item, `${indent}    `).replace(/^ {2}( *) {2}/, '  $1- '));
  return `${indent}${name}:\n${items.join('')}`;
}

/** Things with members of their own are shown below their name; lists of plain values stay on its line. */
function isNested(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isRecord);
  return isRecord(value) && Object.keys(value).length > 0;
}

function cell(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(cell).join(', ');
  if (typeof value === 'object')
    return Object.keys(value).length === 0 ? '-' : printable(JSON.stringify(value));
  return printable(String(value));
}

/** Columns of a terminal that the text takes; wide scripts count two. */
function width(text: string): number {
  let columns = 0;
  for (const character of text) {
    if (/\p{Mark}/u.test(character)) continue;
    columns +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
        character,
      ) || (character.codePointAt(0) ?? 0) > 0x1f300
        ? 2
        : 1;
  }
  return columns;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asRecord(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : { value };
}
