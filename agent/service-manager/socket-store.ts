// Leaves the VNets' sockets with systemd (its file descriptor store), so that guests only wait while the agent restarts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { KeptSocket, SocketKeeper } from '../../metadata-server/mod.ts';
import type { InheritedSocket } from './inherited.ts';

const PROGRAM = fileURLToPath(new URL('./socket-store.pl', import.meta.url));
/** The system call's number, which Perl's base system does not know. */
const SENDMSG: Partial<Record<NodeJS.Architecture, number>> = { x64: 46, arm64: 211 };
const PATIENCE_MS = 10_000;
const STDERR_KEPT = 2_000;

interface Log {
  warn(details: object, message: string): void;
}

export class SocketStore implements SocketKeeper {
  readonly #notifySocket: string | undefined;
  readonly #log: Log;
  /** What earlier processes left and nobody has asked for yet. */
  readonly #waiting = new Map<string, number>();
  /** Everything that the manager holds, as far as this process knows. */
  readonly #held = new Set<string>();
  /** One message after the other: what is forgotten may be kept again under its name. */
  #queue: Promise<void> = Promise.resolve();

  /** @param left the sockets this process was started with, but for those of socket units */
  constructor(left: readonly InheritedSocket[], log: Log, env: NodeJS.ProcessEnv = process.env) {
    this.#notifySocket = env.NOTIFY_SOCKET;
    this.#log = log;
    for (const { name, descriptor } of left) {
      // The same name twice is somebody's mistake; neither can be trusted to be the one.
      if (this.#waiting.has(name)) closeSync(descriptor);
      else this.#waiting.set(name, descriptor);
      this.#held.add(name);
    }
  }

  take(prefix: string): KeptSocket[] {
    const found = [...this.#waiting].filter(([name]) => name.startsWith(prefix));
    return found.map(([name, descriptor]) => {
      this.#waiting.delete(name);
      return { name, descriptor };
    });
  }

  async keep(sockets: readonly KeptSocket[]): Promise<void> {
    if (sockets.length === 0) return;
    const names = sockets.map(({ name }) => name);
    const descriptors = sockets.map(({ descriptor }) => descriptor);
    for (const name of names) this.#held.add(name);
    await this.#inTurn(() => this.#tell('keep', names, descriptors));
  }

  async forget(prefix: string): Promise<void> {
    const names = [...this.#held].filter((name) => name.startsWith(prefix));
    for (const { descriptor } of this.take(prefix)) closeSync(descriptor);
    for (const name of names) this.#held.delete(name);
    if (names.length > 0) await this.#inTurn(() => this.#tell('forget', names, []));
  }

  /** Lets go of what nobody asked for: sockets of VNets that are no more. */
  async forgetTheRest(): Promise<void> {
    for (const name of [...this.#waiting.keys()]) await this.forget(name);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(work).catch((error) => {
      this.#log.warn({ err: error }, 'sockets cannot be left with the service manager');
    });
    return this.#queue;
  }

  /** Resolves when the manager has taken it all in. */
  async #tell(verb: 'keep' | 'forget', names: string[], descriptors: number[]): Promise<void> {
    const sendmsg = SENDMSG[process.arch];
    if (this.#notifySocket === undefined || sendmsg === undefined) return;
    const child = spawn('perl', [PROGRAM, String(sendmsg), String(process.pid), verb, ...names], {
      stdio: ['ignore', 'ignore', 'pipe', ...descriptors],
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', NOTIFY_SOCKET: this.#notifySocket },
      timeout: PATIENCE_MS,
      killSignal: 'SIGKILL',
    });
    let complaint = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(0, STDERR_KEPT);
    });
    const [code, signal] = await once(child, 'close');
    if (code !== 0) throw new Error(`perl ended (${code ?? signal}): ${complaint.trim()}`);
  }
}
