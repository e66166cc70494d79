// What the promises are tried on: a connected driver and one bootable machine, cleared away afterwards.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, copyFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import type {
  GuestType,
  Hypervisor,
  HypervisorEvent,
  Machine,
  MachineDisk,
  MachineNic,
} from '../../drivers/hypervisor.ts';
import { LibvirtClient } from '../../drivers/libvirt/mod.ts';
import { openHypervisor } from '../../drivers/open.ts';

const run = promisify(execFile);
const MIB = 2 ** 20;
/** Long enough for an emulated guest on a loaded machine; nothing waits when what is awaited has come. */
const PATIENCE_MS = 300_000;

export interface BenchOptions {
  uri: string;
  /** The driver's name in tables. */
  driver: string;
  /** The test guest's disk image, and how it is booted; absent where nothing runs in a machine. */
  guest?: { path: string; format: 'raw' | 'qcow2'; part?: Partial<Machine> };
  /** Disk images of guests that boot otherwise than `guest` does. */
  others?: Partial<Record<GuestType, { path: string; format: 'raw' | 'qcow2' }>>;
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
      ...(options.guest ? { cpuShares: 512, cpuCapPercent: 100 } : {}),
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

  /** A second machine, of another type: a disk of its own, and nothing else but a console. */
  async other(guestType: GuestType): Promise<Machine> {
    const { path: image, format } = this.options.others?.[guestType] ?? this.options.guest!;
    const path = join(this.folder, guestType);
    await copyFile(image, path);
    const { vserverId, vcpus, memoryMiB, media } = this.machine;
    const disks: MachineDisk[] = [{ position: 0, path, format, serial: 'system' }];
    const named = { name: `${this.name}-${guestType}`, uuid: randomUUID(), vserverId };
    return { ...named, vcpus, memoryMiB, guestType, disks, nics: [], media };
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

  /** How the hypervisor schedules the running machine, asked of it beside the driver; Xen's usual weight is 256, KVM's 1024. */
  async scheduling(): Promise<{ shares: number; capPercent: number }> {
    const client = new LibvirtClient({ uri: this.options.uri });
    await client.connect();
    try {
      const told = await client.domains.tuning.scheduler(await client.domains.byName(this.name));
      const number = (field: string): number => Number(told.get(field));
      if (told.has('weight')) return { shares: number('weight') * 4, capPercent: number('cap') };
      return {
        shares: number('cpu_shares'),
        capPercent: (100 * number('global_quota')) / number('global_period'),
      };
    } finally {
      await client.close();
    }
  }

  /** Resolves when `holds` does. */
  async until(holds: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    while (!(await holds())) {
      if (Date.now() > end) throw new Error(`it did not come to be in ${PATIENCE_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
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

  /**
   * Follows the console until the guest has said something that fits; `say` is typed again until then. Whoever is
   * hung up on by libvirt, as after a reset, opens it again.
   */
  async hears(fits: RegExp, say = '\n', name = this.name): Promise<void> {
    let text = '';
    const open = async (): Promise<Duplex> => {
      const console = await this.hypervisor.openConsole(name);
      console.on('error', () => {});
      return console.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
    };
    let console = await open();
    try {
      const end = Date.now() + PATIENCE_MS;
      for (let turn = 0; !fits.test(text); turn++) {
        if (Date.now() > end) throw new Error(`nobody heard ${fits}: ${text.slice(-2000)}`);
        if (console.destroyed) console = await open();
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
