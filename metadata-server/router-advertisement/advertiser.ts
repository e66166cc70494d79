// Keeps one process that sends the router advertisements of every VNet, and starts it again when it has died.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Log, MetadataError, type ServedNetwork, type ServedSubnet } from '../contract.ts';
import { routerAdvertisement } from './message.ts';

const PROGRAM = fileURLToPath(new URL('./advertise.pl', import.meta.url));
/** The system call's number, which Perl's base system does not know. */
const SETNS: Partial<Record<NodeJS.Architecture, number>> = { x64: 308, arm64: 268 };
const RESTART_MS = 1_000;
const STDERR_KEPT = 2_000;

interface Advertised {
  command: string;
  /** Waits for the program's word on the latest command. */
  told?: ((problem: MetadataError | undefined) => void) | undefined;
}

export class RouterAdvertiser {
  readonly #log: Log;
  readonly #networks = new Map<string, Advertised>();
  #child: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Advertises a VNet from now on, or differently. @throws MetadataError `internal` if that cannot be begun */
  async add(network: ServedNetwork & { ipv6: ServedSubnet }): Promise<void> {
    const { vnetId, namespace, device } = network;
    const hex = routerAdvertisement(network).toString('hex');
    const problem = await new Promise<MetadataError | undefined>((told) => {
      this.#networks.set(vnetId, { command: `add ${vnetId} ${namespace} ${device} ${hex}\n`, told });
      // A new process is told of every VNet there is.
      if (this.#child) this.#tell(this.#networks.get(vnetId)!.command);
      else this.#start();
    });
    if (!problem) return;
    this.#networks.delete(vnetId);
    throw problem;
  }

  /** Nothing to do is success. */
  remove(vnetId: string): void {
    if (this.#networks.delete(vnetId)) this.#tell(`remove ${vnetId}\n`);
  }

  /** Ends the process. What it told guests holds until it runs out, so that a restart goes unnoticed. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#restart);
    this.#networks.clear();
    this.#child?.stdin?.end();
  }

  #tell(command: string): void {
    this.#child?.stdin?.write(command);
  }

  #start(): void {
    const setns = SETNS[process.arch];
    if (setns === undefined) {
      this.#fail(new MetadataError('internal', `No router advertisements on ${process.arch} processors.`));
      return;
    }
    let complaint = '';
    const child = spawn('perl', [PROGRAM, String(setns)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
    });
    this.#child = child;
    // A process that dies closes its end first; 'close' below tells why.
    child.stdin.on('error', () => {});
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(0, STDERR_KEPT);
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.#heard(line));
    child.on('error', (error) => {
      complaint = error.message;
    });
    child.on('close', (code, signal) => {
      this.#child = undefined;
      if (this.#closed) return;
      const message = `The sender of router advertisements ended (${code ?? signal}): ${complaint.trim()}`;
      this.#fail(new MetadataError('internal', message));
      this.#log.error(
        { code, signal, complaint },
        'the sender of router advertisements ended; starting it again',
      );
      this.#restart = setTimeout(() => {
        if (!this.#child && this.#networks.size > 0) this.#start();
      }, RESTART_MS);
      this.#restart.unref();
    });
    for (const { command } of this.#networks.values()) this.#tell(command);
  }

  #heard(line: string): void {
    const [, word, vnetId = '', why = ''] = /^(\w+) (\S+) ?(.*)$/.exec(line) ?? [];
    const network = this.#networks.get(vnetId);
    if (!network) return;
    const failed =
      word === 'failed' ? new MetadataError('internal', `No advertisements: ${why}.`) : undefined;
    if (failed && !network.told) this.#log.error({ vnet: vnetId, why }, 'a VNet cannot be advertised');
    if (word === 'up' || failed) this.#told(network, failed);
  }

  /** Whoever waits is told of the failure; those already advertised wait for the next process. */
  #fail(problem: MetadataError): void {
    for (const network of [...this.#networks.values()]) this.#told(network, problem);
  }

  #told(network: Advertised, problem: MetadataError | undefined): void {
    const { told } = network;
    network.told = undefined;
    told?.(problem);
  }
}
