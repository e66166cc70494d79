// What the promises are tried on: a connected driver and one bootable machine, cleared away afterwards.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, copyFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type {
  Hypervisor,
  HypervisorEvent,
  Machine,
  MachineDisk,
  MachineNic,
} from '../../drivers/hypervisor.ts';
import { openHypervisor } from '../../drivers/open.ts';

const run = promisify(execFile);
const MIB = 2 ** 20;
/** Long enough for an emulated guest on a loaded machine; nothing waits when what is awaited has come. */
const PATIENCE_MS = 180_000;

export interface BenchOptions {
  uri: string;
  /** The driver's name in tables. */
  driver: string;
  /** The test guest's disk image, and how it is booted; absent where nothing runs in a machine. */
  guest?: { path: string; format: 'raw' | 'qcow2'; part?: Partial<Machine> };
}

export class Bench {
  readonly hypervisor: Hypervisor;
  readonly options: BenchOptions;
  readonly folder: string;
  readonly machine: Machine;
  readonly #bridge: string;
  readonly #events: HypervisorEvent[] = [];
  #news = Promise.withResolvers<void>();
  #files = 0;

  static async open(options: BenchOptions): Promise<Bench> {
    const hypervisor = openHypervisor({ uri: options.uri, acceleration: 'tcg' });
    await hypervisor.connect();
    const folder = await mkdtemp('/var/lib/libvirt/images/ikp-');
    await chmod(folder, 0o777);
    const bridge = `ikp${process.pid % 100_000}b`;
    await run('ip', ['link', 'add', bridge, 'type', 'bridge']);
    await run('ip', ['link', 'set', bridge, 'up']);
    const bench = new Bench(hypervisor, options, folder, bridge);
    const system = bench.machine.disks[0]!;
    if (options.guest) await copyFile(options.guest.path, system.path);
    else await writeFile(system.path, '');
    return bench;
  }

  private constructor(hypervisor: Hypervisor, options: BenchOptions, folder: string, bridge: string) {
    this.hypervisor = hypervisor;
    this.options = options;
    this.folder = folder;
    this.#bridge = bridge;
    const format = options.guest?.format ?? 'raw';
    this.machine = {
      name: `ikp-${process.pid}`,
      uuid: randomUUID(),
      vserverId: 'vs-promises',
      vcpus: 1,
      memoryMiB: 128,
      disks: [{ position: 0, path: join(folder, 'system'), format, serial: 'system' }],
      nics: [this.nic(0)],
      media: [],
      ...(options.driver === 'kvm' ? { qmpSocket: join(folder, 'qmp') } : {}),
      ...options.guest?.part,
    };
    void this.#collect(hypervisor.events());
  }

  get name(): string {
    return this.machine.name;
  }

  /** A NIC whose device has a name of this run. */
  nic(position: number): MachineNic {
    return {
      position,
      mac: `52:54:00:69:6b:0${position}`,
      device: `ikp${process.pid % 100_000}t${position}`,
      bridge: this.#bridge,
    };
  }

  /** An empty disk of 4 MiB. */
  async disk(position: number): Promise<MachineDisk> {
    const path = join(this.folder, `disk-${this.#files++}`);
    await writeFile(path, '');
    await truncate(path, 4 * MIB);
    return { position, path, format: 'raw', serial: `d${this.#files}` };
  }

  /** Names of the host's devices that are on the bench's bridge. */
  async plugged(): Promise<string[]> {
    const { stdout } = await run('ip', ['-j', 'link', 'show', 'master', this.#bridge]);
    return (JSON.parse(stdout || '[]') as { ifname?: string }[]).flatMap(({ ifname }) => ifname ?? []);
  }

  /** Resolves when an event of the machine has come that fits, from the beginning on. */
  async event(fits: (event: HypervisorEvent) => boolean): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    while (!this.#events.some(fits)) {
      if (Date.now() > end) throw new Error(`no such event among ${JSON.stringify(this.#events)}`);
      await Promise.race([this.#news.promise, new Promise((resolve) => setTimeout(resolve, 1000))]);
    }
  }

  forgetEvents(): void {
    this.#events.length = 0;
  }

  /** Follows the console until the guest has said something that fits; `say` is typed again until then. */
  async hears(fits: RegExp, say = '\n'): Promise<void> {
    const console = await this.hypervisor.openConsole(this.name);
    let text = '';
    let closed = false;
    console.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    console.once('close', () => {
      closed = true;
    });
    console.on('error', () => {});
    try {
      const end = Date.now() + PATIENCE_MS;
      for (let turn = 0; !fits.test(text); turn++) {
        if (closed || Date.now() > end)
          throw new Error(`the console ended before ${fits}: ${text.slice(-2000)}`);
        if (turn % 20 === 19) console.write(say);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    } finally {
      console.destroy();
    }
  }

  async close(): Promise<void> {
    await this.hypervisor.powerOff(this.name).catch(() => {});
    await this.hypervisor.undefine(this.name).catch(() => {});
    await this.hypervisor.close();
    await run('ip', ['link', 'del', this.#bridge]).catch(() => {});
    await rm(this.folder, { recursive: true, force: true });
  }

  async #collect(events: AsyncIterable<HypervisorEvent>): Promise<void> {
    for await (const event of events) {
      if (!('name' in event) || event.name !== this.name) continue;
      this.#events.push(event);
      this.#news.resolve();
      this.#news = Promise.withResolvers();
    }
  }
}
