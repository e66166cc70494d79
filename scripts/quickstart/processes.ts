// The quickstart's two background processes: started apart from the terminal, found again by their pid files.
import { spawn } from 'node:child_process';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import type { Place } from './place.ts';
import { until } from './wait.ts';

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
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return command.includes(place.dir) ? pid : undefined;
  } catch {
    return undefined;
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
