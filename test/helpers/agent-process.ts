// A real agent as a process of its own, with its own state, socket and prefix; cleaned up whatever happens.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'smol-toml';
import type { Test } from 'tap';
import { ApiClient } from '../../agent/cli/client.ts';
import { guestImage } from '../images/guest-image.ts';
import { leftovers, sweep } from './leftovers.ts';

const run = promisify(execFile);
const entry = new URL('./agent-entry.ts', import.meta.url).pathname;
const READY_MS = 600_000;

export interface TestAgentOptions {
  /** Default qemu:///system. */
  libvirtUri?: string;
  /** Merged over the defaults of the test. */
  config?: Record<string, unknown>;
  /** Where it runs as on a host of its own: a network namespace by its name. The caller makes and removes it. */
  networkNamespace?: string;
  /** Prefix of its own if one process runs several agents. */
  prefix?: string;
}

let made = 0;

/** Four letters of this process and this agent, so that tests side by side never meet. */
function ownPrefix(): string {
  let number = process.pid * 7 + made++;
  let letters = '';
  while (letters.length < 3) {
    letters += String.fromCharCode(97 + (number % 26));
    number = Math.floor(number / 26);
  }
  return `q${letters}`;
}

export class TestAgent {
  readonly prefix: string;
  readonly folder: string;
  readonly socket: string;
  readonly client: ApiClient;
  /** Where the test guest's image can be registered from; known once the agent was started. */
  guestImageUri = '';
  readonly #options: TestAgentOptions;
  #child: ChildProcess | undefined;
  #log = '';

  constructor(folder: string, options: TestAgentOptions) {
    this.#options = { ...options };
    this.folder = folder;
    this.prefix = options.prefix ?? ownPrefix();
    this.socket = join(folder, 'innkeeper.sock');
    this.client = new ApiClient(this.socket);
  }

  get pid(): number | undefined {
    return this.#child?.exitCode === null && this.#child.signalCode === null ? this.#child.pid : undefined;
  }

  /** Changes the configuration for the next start. */
  configure(config: Record<string, unknown>): void {
    this.#options.config = { ...this.#options.config, ...config };
  }

  /** Resolves once the agent has said something. */
  async said(text: string): Promise<void> {
    if (await this.#until((log) => log.includes(text), READY_MS)) return;
    throw new Error(`the agent never said "${text}":\n${this.#log.slice(-4000)}`);
  }

  /** Everything the agent has said so far. */
  get log(): string {
    return this.#log;
  }

  get stateDir(): string {
    return join(this.folder, 'state');
  }

  /**
   * Starts the process and resolves when it says it is ready.
   * @param crashAt "createVServer define before": where it kills itself by SIGKILL
   */
  async start(crashAt?: string): Promise<void> {
    await this.#writeConfig();
    await this.crashAt(crashAt);
    await this.#launch();
    const ready = await this.#until((text) => text.includes('"msg":"ready"'), READY_MS);
    if (!ready) throw new Error(`the agent is not ready:\n${this.#log.slice(-4000)}`);
  }

  /** Starts it although it is expected to die, and resolves with its exit signal or code. */
  async startAndDie(crashAt: string): Promise<string | number | null> {
    await this.#writeConfig();
    await this.crashAt(crashAt);
    await this.#launch();
    const child = this.#child!;
    await Promise.race([
      once(child, 'exit'),
      this.#until((text) => text.includes('"msg":"ready"'), READY_MS),
    ]);
    return child.signalCode ?? child.exitCode;
  }

  /** Where the running process, or the next one, kills itself; nowhere if undefined. */
  async crashAt(point: string | undefined): Promise<void> {
    await this.#tell('crash-at', point);
  }

  /** Where an operation fails; nowhere if undefined. */
  async failAt(point: string | undefined): Promise<void> {
    await this.#tell('fail-at', point);
  }

  /** Where another process is killed, `delayMs` later; nowhere if undefined. */
  async killAt(point: string | undefined, pid = 0, delayMs = 0): Promise<void> {
    await this.#tell('kill-at', point && [point, pid, delayMs].join('\n'));
  }

  async #tell(name: string, text: string | undefined): Promise<void> {
    const file = join(this.folder, name);
    if (text === undefined) return rm(file, { force: true });
    // Whole or not at all: the agent may be looking.
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  }

  call<T = Record<string, unknown>>(method: string, params: object = {}): Promise<T> {
    return this.client.call(method, params) as Promise<T>;
  }

  /** SIGKILL, as a power cut of this one process. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Resolves when the process has ended by itself. */
  async died(): Promise<void> {
    if (this.pid !== undefined) await once(this.#child!, 'exit');
  }

  /** What of this agent is on the host: domains, bridges, namespaces, taps, tables, disks, media. */
  leftovers(): Promise<string[]> {
    return leftovers(this.prefix, this.stateDir, this.#options.libvirtUri);
  }

  async remove(): Promise<void> {
    await this.kill();
    await sweep(this.prefix, this.#options.libvirtUri);
    await rm(this.folder, { recursive: true, force: true });
  }

  async #writeConfig(): Promise<void> {
    const image = await guestImage();
    this.guestImageUri = `file://${image}`;
    const config = {
      state_dir: this.stateDir,
      socket: this.socket,
      libvirt_uri: this.#options.libvirtUri ?? 'qemu:///system',
      prefix: this.prefix,
      log_level: 'debug',
      image_paths: [join(image, '..'), this.folder],
      capacity: { cpu_overcommit: 16, host_memory_mib: 256, host_disk_percent: 1 },
      vserver_type: [{ name: 'tiny', vcpus: 1, memory_mib: 96 }],
      ...this.#options.config,
    };
    await mkdir(this.folder, { recursive: true });
    await writeFile(join(this.folder, 'innkeeper.toml'), stringify(config));
  }

  async #launch(): Promise<void> {
    this.#log = '';
    const command = [process.execPath, entry, join(this.folder, 'innkeeper.toml')];
    const { networkNamespace } = this.#options;
    // Not `ip netns exec`: it hides mounts made inside, and namespaces of VNets are mounts.
    if (networkNamespace) command.unshift('nsenter', `--net=/run/netns/${networkNamespace}`);
    const child = spawn(command[0]!, command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const file = createWriteStream(join(this.folder, 'agent.log'), { flags: 'a' });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
        file.write(text);
      });
    }
    child.once('exit', () => file.end());
  }

  async #until(seen: (log: string) => boolean, ms: number): Promise<boolean> {
    const end = Date.now() + ms;
    while (Date.now() < end && this.pid !== undefined) {
      if (seen(this.#log)) return true;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return seen(this.#log);
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.pid === undefined) return;
    const gone = once(this.#child!, 'exit');
    this.#child!.kill(signal);
    await gone;
  }
}

/** A started agent that is removed with everything of it when the test ends. */
export async function testAgent(t: Test, options: TestAgentOptions = {}): Promise<TestAgent> {
  const agent = await preparedAgent(t, options);
  await agent.start();
  return agent;
}

/** The same, not yet started. */
export async function preparedAgent(t: Test, options: TestAgentOptions = {}): Promise<TestAgent> {
  // Not below /tmp: QEMU's own user must be able to pass through.
  const folder = await mkdtemp('/var/tmp/ik-test-');
  await run('chmod', ['711', folder]);
  const agent = new TestAgent(folder, options);
  t.teardown(async () => {
    if (!t.passing()) process.stderr.write(`${agent.log.slice(-8000)}\n`);
    await agent.remove();
  });
  return agent;
}
