// Runs one stage of the checks as a process group of its own, bounded in time, with its output in a file.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface Stage {
  name: string;
  command: string[];
  /** How its result is read: from the TAP on its standard output, or from its exit status alone. */
  result: 'tap' | 'status';
  timeLimitMinutes: number;
  /** Runs real machines under emulation: what failed is looked at twice, the files alone (as arguments) or all. */
  secondLook?: 'files' | 'stage';
}

export interface StageOutcome {
  output: string;
  /** Null when it was killed. */
  status: number | null;
  timedOut: boolean;
  /** The whole run was told to end, by a signal. */
  interrupted: boolean;
  seconds: number;
}

/** Ends every process of the group that is left; a child left behind must not outlive its stage. */
function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nothing of it is left: that is what is wanted.
  }
}

/** Resolves when the stage's first process has ended; whoever still holds the output file is not waited for. */
export async function runStage(stage: Stage, logFile: string): Promise<StageOutcome> {
  await mkdir(dirname(logFile), { recursive: true });
  const log = await open(logFile, 'w');
  const begin = performance.now();
  let timedOut = false;
  let interrupted = false;
  const [file = '', ...args] = stage.command;
  const child = spawn(file, args, { detached: true, stdio: ['ignore', log.fd, log.fd] });
  const stopChild = () => {
    interrupted = true;
    killGroup(child, 'SIGKILL');
  };
  process.once('SIGINT', stopChild).once('SIGTERM', stopChild);
  const timers = [
    setTimeout(() => {
      timedOut = true;
      killGroup(child, 'SIGTERM');
    }, stage.timeLimitMinutes * 60_000),
    setTimeout(() => killGroup(child, 'SIGKILL'), stage.timeLimitMinutes * 60_000 + 10_000),
  ];
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('exit', resolve);
    });
    const seconds = Math.round((performance.now() - begin) / 1000);
    return { output: await readFile(logFile, 'utf8'), status, timedOut, interrupted, seconds };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    process.off('SIGINT', stopChild).off('SIGTERM', stopChild);
    killGroup(child, 'SIGKILL');
    await log.close();
  }
}
