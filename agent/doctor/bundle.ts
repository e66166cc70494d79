// What support needs to see of a host, in one .tar.gz without its secrets.
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import type { CheckContext, Finding } from './check.ts';
import { redacted, redactedText } from './redact.ts';

/** Questions to the agent, by the name of their file. */
const QUESTIONS: Record<string, [method: string, params?: object]> = {
  'host.json': ['getHost'],
  'capacity.json': ['getCapacity'],
  'vservers.json': ['listVServer'],
  'vdisks.json': ['listVDisk'],
  'vnets.json': ['listVNet'],
  'vnics.json': ['listVNIC'],
  'images.json': ['listDiskImage'],
  'operations.json': ['listOperation', { limit: 1000 }],
};

/** What an operator would type, by the name of its file. */
const COMMANDS: Record<string, [command: string, ...args: string[]]> = {
  'links.txt': ['ip', '-d', 'link', 'show'],
  'namespaces.txt': ['ip', 'netns', 'list'],
  'rules.txt': ['nft', 'list', 'ruleset'],
  'sockets.txt': ['ss', '-Hlntup'],
  'system.txt': ['uname', '-a'],
  'disk-space.txt': ['df', '-h'],
  'log.txt': ['journalctl', '-u', 'innkeeper', '-n', '5000', '--no-pager', '-o', 'short-iso'],
};

/** Writes the bundle; what cannot be found out stands in it as the reason why. Made readable by its owner only. */
export async function writeBundle(
  path: string,
  context: CheckContext,
  findings: Finding[],
): Promise<string[]> {
  const { agent, senses, config } = context;
  const archive = pack();
  const written = pipeline(archive, createGzip(), createWriteStream(path, { mode: 0o600, flags: 'wx' }));
  const names: string[] = [];
  const add = (name: string, text: string) => {
    names.push(name);
    archive.entry({ name: `innkeeper/${name}`, mtime: new Date(senses.now()) }, text);
  };
  const json = (value: unknown) => `${JSON.stringify(redacted(value), null, 2)}\n`;
  const why = (error: Error) => `not found out: ${redactedText(error.message)}\n`;
  add('doctor.json', json(findings));
  add('configuration.json', json(config));
  for (const [name, [method, params]] of Object.entries(QUESTIONS)) {
    add(name, await agent.call(method, params).then(json, why));
  }
  add('metrics.txt', await agent.text('/metrics').catch(why));
  add('events.ndjson', await agent.text('/v1/events?after=0').then(lastEvents, why));
  for (const [name, [command, ...args]] of Object.entries(COMMANDS)) {
    add(name, await senses.run(command, args).then(redactedText, why));
  }
  archive.finalize();
  await written;
  return names;
}

/** The newest thousand, a JSON object a line. */
function lastEvents(text: string): string {
  const lines = text.split('\n').filter((line) => line !== '');
  const events = lines.slice(-1000).map((line) => JSON.stringify(redacted(JSON.parse(line))));
  return events.map((line) => `${line}\n`).join('');
}
