// Benchmark: how soon the packaged agent is ready, and the memory it holds when idle, beside bare Node and libvirtd.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { stringify } from 'smol-toml';
import { writeProgram } from '../scripts/package/program.ts';
import type { Session } from './lib/benchmark.ts';

const root = resolve(import.meta.dirname, '..');
const UNIT = join(root, 'systemd/innkeeper.service');
/** Long enough for what start-up left behind to be given back. */
const SETTLE_MS = 3000;

export const name = 'agent';

export const rounds = 5;

/** Megabytes that a process holds, of any kind (VmRSS). */
async function rssOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

async function libvirtd(): Promise<number> {
  for (const entry of await readdir('/proc')) {
    const comm = /^\d+$/.test(entry) && (await readFile(`/proc/${entry}/comm`, 'utf8').catch(() => ''));
    if (comm && comm.trim() === 'libvirtd') return Number(entry);
  }
  throw new Error('no libvirtd runs');
}

/** Resolves when the process prints `word`; rejects when it ends without. */
async function printed(child: ChildProcess, word: string): Promise<void> {
  let text = '';
  const seen = new Promise<void>((resolve) => {
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes(word)) resolve();
    });
  });
  const ended = once(child, 'exit').then(() => {
    throw new Error(`it ended before it was ready:\n${text}`);
  });
  await Promise.race([seen, ended]);
}

/** Starts a process, takes the time until it prints `word`, and its memory when it has settled. */
async function startOf(
  args: string[],
  env: NodeJS.ProcessEnv,
  word: string,
  readyName: string,
  rssName: string,
) {
  const begin = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await printed(child, word);
    const ready = performance.now() - begin;
    await pause(SETTLE_MS);
    return new Map([
      [readyName, ready],
      [rssName, await rssOf(child.pid!)],
    ]);
  } finally {
    const gone = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGTERM');
    await gone;
  }
}

/** The program as the package has it, with an inventory that is there already after the first round. */
export async function prepare(): Promise<Session> {
  await mkdir(join(root, '.cache'), { recursive: true });
  const folder = await mkdtemp(join(root, '.cache/bench-agent-'));
  await writeProgram(root, join(folder, 'lib'), '0');
  const config = join(folder, 'innkeeper.toml');
  await writeFile(
    config,
    stringify({
      state_dir: join(folder, 'state'),
      socket: join(folder, 'innkeeper.sock'),
      prefix: 'bnch',
      // The probe for KVM boots a guest, and so measures the machine and not the agent.
      acceleration: 'tcg',
    }),
  );
  const unit = await readFile(UNIT, 'utf8');
  // As the service is started: Node's own options, and what its allocator is told.
  const options = /^ExecStart=\S+\/node (.*?) \S+\/program\/main\.js /m.exec(unit)![1]!.split(' ');
  const env = { ...process.env, MALLOC_ARENA_MAX: /^Environment=MALLOC_ARENA_MAX=(\d+)$/m.exec(unit)![1] };
  const agent = [...options, join(folder, 'lib/program/main.js'), 'agent', '--config', config];
  const bare = ['-e', "setInterval(() => {}, 1e6); console.log('ready')"];
  return {
    cases: {
      agent: () => startOf(agent, env, '"msg":"ready"', 'ready_ms', 'rss_mb'),
      bare_node: () => startOf(bare, process.env, 'ready', 'bare_node_ready_ms', 'bare_node_rss_mb'),
      libvirtd: async () => new Map([['libvirtd_rss_mb', await rssOf(await libvirtd())]]),
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

export function ratios(medians: Record<string, number>): Record<string, number> {
  const ratio = (ours: string, theirs: string) =>
    (medians[ours] ?? Number.NaN) / (medians[theirs] ?? Number.NaN);
  return {
    rss_vs_bare_node: ratio('rss_mb', 'bare_node_rss_mb'),
    rss_vs_libvirtd: ratio('rss_mb', 'libvirtd_rss_mb'),
    ready_vs_bare_node: ratio('ready_ms', 'bare_node_ready_ms'),
  };
}
