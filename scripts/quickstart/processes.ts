// The quickstart's two background processes: started apart from the terminal, found again by their pid files.
import { spawn } from 'node:child_process';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from './place.ts';
import { until } from './wait.ts';

/** Looks at an empty command line, and milliseconds between them. */
const EXEC_TRIES = 20;
const EXEC_PAUSE_MS = 50;

export type Name = 'agent' | 'control-plane';

/** Starts a program that goes on when this one ends; its output goes to `log`. */
export async function startProcess(
  place: Place,
  name: Name,
  command: [string, ...string[]],
  log: string,
): Promise<void> {
  const output = await open(log, 'a');
  const [file, ...args] = command;
  const child = spawn(file, args, { detached: true, stdio: ['ignore', output.fd, output.fd] });
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  child.unref();
  await output.close();
  await writeFile(place.pidFile(name), `${child.pid}\n`);
}

/** Process id, if it is running and still is what was started for this place. */
export async function runningPid(place: Place, name: Name): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(place.pidFile(name), 'utf8'), 10);
    // Process ids are used again: a stranger with that number must not be stopped.
    return (await commandLine(pid)).includes(place.dir) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Empty for one that has ended. It is empty as well for the moment in which a program becomes another one (exec). */
async function commandLine(pid: number): Promise<string> {
  for (let tries = 1; ; tries++) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    if (command !== '' || tries === EXEC_TRIES) return command;
    await sleep(EXEC_PAUSE_MS);
  }
}

/** Asks it to end and waits; after `seconds` it is killed. */
export async function stopProcess(place: Place, name: Name, seconds = 20): Promise<void> {
  const pid = await runningPid(place, name);
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    const gone = async () => ((await runningPid(place, name)) === undefined ? true : undefined);
    await until('its end', seconds, gone).catch(() => process.kill(pid, 'SIGKILL'));
  }
  await rm(place.pidFile(name), { force: true });
}
