// Runs one program for one moment: bounded in time, killed with all its children, its output kept short.
import { spawn } from 'node:child_process';

/** Characters of what it writes that are logged. */
const LONGEST_OUTPUT = 4096;

export interface HookRun {
  command: string;
  args: string[];
  /** Given on standard input. */
  input: string;
  timeoutMs: number;
}

export interface HookOutcome {
  /** Exit code, signal, or why it could not be started. */
  ended: string;
  ok: boolean;
  output: string;
}

/** Never rejects. */
export function runHook({ command, args, input, timeoutMs }: HookRun): Promise<HookOutcome> {
  return new Promise((resolve) => {
    // A group of its own, so that what it has started ends with it.
    const child = spawn(command, args, {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' },
      cwd: '/',
    });
    let output = '';
    const keep = (text: string) => {
      output = (output + text).slice(0, LONGEST_OUTPUT);
    };
    let late = false;
    const killGroup = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended in the meantime.
      }
    };
    const timer = setTimeout(() => {
      late = true;
      killGroup();
    }, timeoutMs);
    const end = (ended: string, ok: boolean) => {
      clearTimeout(timer);
      resolve({ ended, ok, output });
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    // A program that does not read what it is told is free to do so.
    child.stdin.on('error', () => undefined).end(input);
    child.once('error', (error) => end(error.message, false));
    child.once('exit', (code, signal) => {
      // What it has left running would hold its output open.
      killGroup();
      end(late ? `killed after ${timeoutMs / 1000} s` : (signal ?? `exit code ${code}`), code === 0);
    });
  });
}
