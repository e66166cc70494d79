// innkeeper events: what happened, one line each, and what happens from now on.
import type { Command } from 'commander';
import { ApiClient } from './client.ts';
import { withExamples } from './examples.ts';
import { UsageError } from './failures.ts';
import { printable, safeJson } from './printable.ts';
import type { Globals } from './run-command.ts';
import { yaml } from './yaml.ts';

/** Adds the command. */
export function addEvents(program: Command): void {
  const command = program
    .command('events')
    .description('what happened, oldest first')
    .option('-f, --follow', 'go on as it happens')
    .option('-a, --after <number>', 'only events above this number', '0')
    .action((options: { follow?: boolean; after: string }) => showEvents(program.opts<Globals>(), options));
  withExamples(command, 'innkeeper events --follow', 'innkeeper events --after 1200 --json | jq .type');
}

interface ShownEvent {
  seq: number;
  time: string;
  type: string;
  ids: Record<string, string>;
  data: Record<string, unknown>;
}

/** One line per event, in JSON too: programs read lines. */
async function showEvents(
  globals: Globals,
  { follow, after }: { follow?: boolean; after: string },
): Promise<void> {
  if (!/^\d+$/.test(after)) throw new UsageError('--after takes the number of an event');
  const path = `/v1/events?after=${after}&follow=${follow ? 1 : 0}`;
  const events = (await new ApiClient(globals.socket).stream(path)) as AsyncIterable<ShownEvent>;
  for await (const event of events) {
    process.stdout.write(`${shown(event, globals)}\n`);
  }
}

/** YAML as a stream of documents, JSON a line each. */
function shown(event: ShownEvent, { json, output }: Globals): string {
  if (json) return safeJson(event);
  return output === 'yaml' ? `---\n${yaml(event).trimEnd()}` : eventLine(event);
}

function eventLine({ seq, time, type, ids, data }: ShownEvent): string {
  const about = Object.entries(ids).map(([kind, id]) => `${kind}=${id}`);
  const facts = Object.entries(data).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return printable([String(seq).padStart(6), time, type, ...about, ...facts].join('  '));
}
