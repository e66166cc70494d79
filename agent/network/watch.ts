// Tells at once when somebody takes this agent's rules away, as `flush ruleset` does.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const RESTART_MS = 1_000;

/**
 * Follows the kernel's announcements through one long-lived `nft monitor`, and calls `gone` whenever a table of
 * `prefix` is deleted, by us or by others, and whenever announcements may have been missed.
 * @returns ends it
 */
export function watchRules(prefix: string, gone: () => void): () => void {
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const lines = new Set(['bridge', 'inet'].map((family) => `delete table ${family} ${prefix}`));
  const start = (): void => {
    // It ends with the agent, however that ends.
    child = spawn('setpriv', ['--pdeathsig', 'KILL', 'nft', 'monitor', 'destroy', 'tables'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: '/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin', LC_ALL: 'C' },
    });
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (lines.has(line.trim())) gone();
    });
    // The periodic comparison goes on without it.
    child.on('error', () => {});
    child.on('close', () => {
      if (ended) return;
      timer = setTimeout(() => {
        start();
        gone();
      }, RESTART_MS).unref();
    });
  };
  start();
  return () => {
    ended = true;
    clearTimeout(timer);
    child?.kill();
  };
}
