// Runs one tool (qemu-img, cp, xz …) as a bounded child that never outlives its task or the agent.
import { type ChildProcess, spawn } from 'node:child_process';

/** How a tool failed. `stderr` holds the end of what it said. */
export class ChildFailure extends Error {
  override readonly name = 'ChildFailure';
  readonly command: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderr: string;

  constructor(command: string, exitCode: number | null, signal: string | null, stderr: string) {
    // LVM ends with where its help is, after what was wrong.
    const lines = stderr.trim().split('\n');
    const said = lines.findLast((line) => !/^\s*Run `/.test(line)) ?? '';
    super(said || `${command} ended with ${signal ?? `exit code ${exitCode}`}`);
    this.command = command;
    this.exitCode = exitCode;
    this.signal = signal;
    this.stderr = stderr;
  }
}

export interface ChildOptions {
  signal?: AbortSignal;
  /** Wall-clock bound; the child is killed and the call rejects. */
  timeoutMs?: number;
  /** Address space in bytes (RLIMIT_AS). */
  memoryBytes?: number;
  /** Processor time in seconds (RLIMIT_CPU). */
  cpuSeconds?: number;
  /** Largest file it may write, in bytes (RLIMIT_FSIZE); beyond, it dies of SIGXFSZ. */
  fileBytes?: number;
  /** File descriptors of ours to use instead of nothing and of collecting. */
  stdin?: number;
  stdout?: number;
  /** Sees standard output as it comes; it is then not collected. */
  onStdout?: (text: string) => void;
}

/** Standard output beyond this is a fault of the tool: the child is killed. */
const MOST_OUTPUT = 1024 * 1024;
/** How long a killed child may take to go; one stuck in a dead file system is left to the kernel. */
const KILL_GRACE_MS = 2000;

/**
 * Limits are set by prlimit(1); setpriv(1) makes the kernel kill the child when the agent dies, so that
 * after `kill -9` nothing writes on behind the back of the next agent.
 */
function commandLine(command: string, args: string[], options: ChildOptions): string[] {
  const limits = ['--core=0'];
  if (options.memoryBytes !== undefined) limits.push(`--as=${options.memoryBytes}`);
  if (options.cpuSeconds !== undefined) limits.push(`--cpu=${options.cpuSeconds}`);
  if (options.fileBytes !== undefined) limits.push(`--fsize=${options.fileBytes}`);
  return ['setpriv', '--pdeathsig', 'KILL', '--no-new-privs', 'prlimit', ...limits, command, ...args];
}

/** Collects the child's words: all of stdout (bounded) and the end of stderr. */
function listen(child: ChildProcess, options: ChildOptions): { stdout: () => string; stderr: () => string } {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    if (options.onStdout) options.onStdout(text);
    else stdout += text;
    if (stdout.length > MOST_OUTPUT) child.kill('SIGKILL');
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4096);
  });
  return { stdout: () => stdout, stderr: () => stderr };
}

/**
 * Runs `command` and resolves with its standard output.
 * @throws ChildFailure when it fails, is killed or takes too long; the signal's reason when aborted.
 */
export function run(command: string, args: string[], options: ChildOptions = {}): Promise<string> {
  const { signal } = options;
  if (signal?.aborted) return Promise.reject(abortError(signal));
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const [first = '', ...rest] = commandLine(command, args, options);
  const child = spawn(first, rest, {
    stdio: [options.stdin ?? 'ignore', options.stdout ?? 'pipe', 'pipe'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  const said = listen(child, options);
  let ending: Error | undefined;
  let grace: NodeJS.Timeout | undefined;
  const end = (why: Error) => {
    ending ??= why;
    child.kill('SIGKILL');
    grace ??= setTimeout(() => settle(() => reject(ending)), KILL_GRACE_MS);
  };
  const onAbort = () => end(abortError(signal));
  signal?.addEventListener('abort', onAbort, { once: true });
  const clock =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(
          () =>
            end(
              new ChildFailure(
                command,
                null,
                'SIGKILL',
                `${command} took longer than ${options.timeoutMs} ms`,
              ),
            ),
          options.timeoutMs,
        );
  const settle = (outcome: () => void) => {
    clearTimeout(clock);
    clearTimeout(grace);
    signal?.removeEventListener('abort', onAbort);
    outcome();
  };
  child.once('error', (error) => settle(() => reject(error)));
  child.once('close', (code, killedBy) => {
    settle(() => {
      if (ending) reject(ending);
      else if (code === 0) resolve(said.stdout());
      else reject(new ChildFailure(command, code, killedBy, said.stderr()));
    });
  });
  return promise;
}

/** Like the signal's own method, but with one error whatever reason was given. */
export function checkAborted(signal?: AbortSignal): void {
  if (signal?.aborted) throw abortError(signal);
}

/** The error an aborted task rejects with, whatever reason the caller gave. */
export function abortError(signal?: AbortSignal): Error {
  const error = new Error('aborted', { cause: signal?.reason });
  error.name = 'AbortError';
  return error;
}
