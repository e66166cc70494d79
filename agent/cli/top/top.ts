// innkeeper top: what the VServers of this host do, again and again, on a terminal or as JSON lines.
import { setTimeout as pause } from 'node:timers/promises';
import type { ApiClient } from '../client.ts';
import { printable, safeJson } from '../printable.ts';
import { table } from '../table.ts';
import { type Activity, activities, type Look, type Sort, TOP_COLUMNS, type Usage } from './rates.ts';

/** The members of `getCapacity` that stand above the list. */
interface Capacity {
  vcpus: { total: number; reserved: number; used: number };
  memory: { total: number; reserved: number; used: number };
  vservers: { total: number; running: number };
  load: number;
}

export interface TopOptions {
  /** Between two looks, in ms. */
  interval: number;
  sort: Sort;
  json: boolean;
  /** One list, after two looks, and no more. */
  once: boolean;
}

const CTRL_C = '\u0003';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** The alternate screen, without a cursor; and back, with one. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const REST_OF_LINE = '\u001b[K';
const REST_OF_SCREEN = '\u001b[J';

/** Runs until `q`, Ctrl-C or a signal. Without a terminal, and without JSON, one list is all that makes sense. */
export async function runTop(client: ApiClient, options: TopOptions): Promise<void> {
  const { stdin, stdout } = process;
  const live = stdout.isTTY === true && !options.once && !options.json;
  const once = options.once || !(live || options.json);
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  const typed = (keys: Buffer) => {
    if (/[qQ]/.test(String(keys)) || String(keys).includes(CTRL_C)) leave();
  };
  try {
    for (const signal of SIGNALS) process.once(signal, leave);
    if (live) stdout.write(ENTER);
    if (live && stdin.isTTY) stdin.setRawMode(true).on('data', typed);
    await show(client, options, { live, once }, leaving.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, leave);
    stdin.off('data', typed);
    if (live && stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
    // A terminal must get its screen back, whatever ended the command.
    if (live) stdout.write(LEAVE);
  }
}

async function show(
  client: ApiClient,
  { interval, sort, json }: TopOptions,
  { live, once }: { live: boolean; once: boolean },
  leaving: AbortSignal,
): Promise<void> {
  let before = await look(client);
  if (live) draw(await client.call('getCapacity'), activities(before, before, sort));
  while (!leaving.aborted) {
    await pause(interval, undefined, { signal: leaving }).catch(() => undefined);
    if (leaving.aborted) return;
    const [now, capacity] = await Promise.all([look(client), client.call('getCapacity')]);
    const rows = activities(before, now, sort);
    before = now;
    if (json) process.stdout.write(`${safeJson({ time: new Date().toISOString(), vservers: rows })}\n`);
    else if (live) draw(capacity, rows);
    else process.stdout.write(page(capacity as Capacity, rows));
    if (once) return;
  }
}

async function look(client: ApiClient): Promise<Look> {
  const vservers = (await client.call('listVServerUsage')) as Usage[];
  return { at: performance.now(), vservers };
}

function page({ vcpus, memory, vservers, load }: Capacity, rows: Activity[]): string {
  const lines = [
    `${vservers.running} of ${vservers.total} VServers running, load ${load}`,
    `processors ${vcpus.total}, used ${vcpus.used}, promised ${vcpus.reserved};` +
      ` memory ${memory.total} MiB, used ${memory.used}, promised ${memory.reserved}`,
    '',
    table(rows as unknown as Record<string, unknown>[], TOP_COLUMNS).trimEnd(),
  ];
  return `${lines.join('\n')}\n`;
}

/** As much of the page as the terminal has room for now: it may have changed since the last one. */
function draw(capacity: unknown, rows: Activity[]): void {
  // A terminal that does not know its size says 0.
  const [height, columns] = [process.stdout.rows || 24, process.stdout.columns || 80];
  const lines = page(capacity as Capacity, rows)
    .trimEnd()
    .split('\n')
    .slice(0, height - 1);
  const cut = lines.map((line) => [...printable(line)].slice(0, columns).join('') + REST_OF_LINE);
  process.stdout.write(`${HOME}${cut.join('\r\n')}\r\n${REST_OF_SCREEN}q: leave`);
}
