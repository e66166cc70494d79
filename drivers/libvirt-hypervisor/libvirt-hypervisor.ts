// The Hypervisor contract over libvirt: each verb is one line here and has its story in a file of its own.
import type { Duplex } from 'node:stream';
import {
  type DiskBackup,
  type DiskBackupRef,
  DriverError,
  type HostFacts,
  type HostTopology,
  type Hypervisor,
  type HypervisorEvent,
  type HypervisorFeatures,
  type Machine,
  type MachineDisk,
  type MachineNic,
  type MachineSample,
} from '../hypervisor.ts';
import { CONSOLE, LibvirtClient, type LibvirtOptions } from '../libvirt/mod.ts';
import * as devices from './devices.ts';
import type { Dialect, Session } from './dialect.ts';
import { border } from './errors.ts';
import { hypervisorEvents } from './events.ts';
import { freeMemoryMiB, hostFacts } from './facts.ts';
import * as lifecycle from './lifecycle.ts';
import { changeMedium } from './medium.ts';
import { findMachine, listMachines } from './samples.ts';
import { hostTopology } from './topology.ts';

/** Every method throws DriverError, and nothing else. */
export class LibvirtHypervisor implements Hypervisor {
  readonly #session: Session;

  constructor(options: LibvirtOptions, dialect: Dialect) {
    const { keepalive } = dialect;
    this.#session = { client: new LibvirtClient({ ...(keepalive && { keepalive }), ...options }), dialect };
  }

  get features(): HypervisorFeatures {
    return this.#session.dialect.features;
  }

  get connected(): boolean {
    return this.#session.client.connected;
  }

  connect(): Promise<void> {
    const { client, dialect } = this.#session;
    return border('connect to libvirt', async () => {
      await client.connect();
      await dialect.prepare(client);
    });
  }

  close(): Promise<void> {
    return this.#session.client.close();
  }

  events(): AsyncIterable<HypervisorEvent> {
    return hypervisorEvents(this.#session);
  }

  facts(): Promise<HostFacts> {
    return border('ask for facts of the host', () => hostFacts(this.#session));
  }

  topology(): Promise<HostTopology> {
    return border('ask where CPUs and memory are', () => hostTopology(this.#session));
  }

  freeMemoryMiB(): Promise<number> {
    return border('ask for free memory', () => freeMemoryMiB(this.#session));
  }

  list(): Promise<MachineSample[]> {
    return border('list machines', () => listMachines(this.#session));
  }

  find(name: string): Promise<MachineSample | undefined> {
    return border(`find ${name}`, () => findMachine(this.#session, name));
  }

  define(machine: Machine): Promise<void> {
    return border(`define ${machine.name}`, () => lifecycle.define(this.#session, machine));
  }

  undefine(name: string): Promise<void> {
    return border(`undefine ${name}`, () => lifecycle.undefine(this.#session, name));
  }

  start(name: string): Promise<void> {
    return border(`start ${name}`, () => lifecycle.start(this.#session, name));
  }

  shutdown(name: string): Promise<void> {
    return border(`shut down ${name}`, () => lifecycle.shutdown(this.#session, name));
  }

  powerOff(name: string): Promise<void> {
    return border(`power off ${name}`, () => lifecycle.powerOff(this.#session, name));
  }

  reset(name: string): Promise<void> {
    return border(`reset ${name}`, () => lifecycle.reset(this.#session, name));
  }

  pause(name: string): Promise<void> {
    return border(`pause ${name}`, () => lifecycle.pause(this.#session, name));
  }

  resume(name: string): Promise<void> {
    return border(`resume ${name}`, () => lifecycle.resume(this.#session, name));
  }

  setMemory(name: string, memoryMiB: number): Promise<void> {
    return border(`balloon ${name}`, () => lifecycle.setMemory(this.#session, name, memoryMiB));
  }

  save(name: string, path: string): Promise<void> {
    return border(`save ${name}`, () => lifecycle.save(this.#session, name, path));
  }

  restore(name: string, path: string): Promise<void> {
    return border(`restore ${name}`, () => lifecycle.restore(this.#session, name, path));
  }

  attachDisk(name: string, disk: MachineDisk): Promise<void> {
    return border(`attach a disk to ${name}`, () => devices.attachDisk(this.#session, name, disk));
  }

  detachDisk(name: string, position: number, timeoutMs: number): Promise<void> {
    const act = () => devices.detachDisk(this.#session, name, position, timeoutMs);
    return border(`detach disk ${position} from ${name}`, act);
  }

  attachNic(name: string, nic: MachineNic): Promise<void> {
    return border(`attach a NIC to ${name}`, () => devices.attachNic(this.#session, name, nic));
  }

  detachNic(name: string, mac: string, timeoutMs: number): Promise<void> {
    const act = () => devices.detachNic(this.#session, name, mac, timeoutMs);
    return border(`detach NIC ${mac} from ${name}`, act);
  }

  resizeDisk(name: string, position: number, bytes: number): Promise<void> {
    const act = () => devices.resizeDisk(this.#session, name, position, bytes);
    return border(`resize disk ${position} of ${name}`, act);
  }

  backupDisk(name: string, position: number, backup: DiskBackup): Promise<void> {
    return border(`back up disk ${position} of ${name}`, async () => {
      const { backups } = this.#session.dialect;
      if (!backups)
        throw new DriverError('unsupported', 'this hypervisor copies no disks of running VServers');
      await backups.take(position, backup, (command) => this.#askGuest(name, command));
    });
  }

  clearBackup(name: string, position: number, backup: DiskBackupRef): Promise<void> {
    return border(`clear a backup of disk ${position} of ${name}`, async () => {
      const { backups } = this.#session.dialect;
      await backups?.clear(position, backup, (command) => this.#askGuest(name, command));
    });
  }

  #askGuest(name: string, command: string): Promise<unknown> {
    return this.guestAgent(name, { execute: command }, FREEZE_MS);
  }

  changeMedium(name: string, index: number, path: string | undefined): Promise<void> {
    const act = () => changeMedium(this.#session, name, index, path);
    return border(`change medium ${index} of ${name}`, act);
  }

  /** The newest caller gets the console: one who went away without closing must not keep it. */
  openConsole(name: string): Promise<Duplex> {
    const { client } = this.#session;
    return border(`open the console of ${name}`, async () =>
      client.openConsole(await client.domains.byName(name), null, CONSOLE.force),
    );
  }

  /** @returns the `return` member of the agent's answer */
  guestAgent(name: string, command: object, timeoutMs: number): Promise<unknown> {
    const { client } = this.#session;
    return border(`ask the guest agent of ${name}`, async () => {
      const domain = await client.domains.byName(name);
      const seconds = Math.max(1, Math.ceil(timeoutMs / 1000));
      const answer = await client.domains.agentCommand(domain, JSON.stringify(command), seconds, {
        timeoutMs,
      });
      return readAnswer(answer);
    });
  }
}

/** A guest flushes all its file systems in this time, or the backup is not taken. */
const FREEZE_MS = 20_000;

/** The guest wrote this: it may be anything. */
function readAnswer(answer: string | null): unknown {
  let value: unknown;
  try {
    value = JSON.parse(answer ?? '');
  } catch (error) {
    throw new DriverError('hypervisor', 'the guest agent answered something that is not JSON', error);
  }
  return typeof value === 'object' && value !== null && 'return' in value ? value.return : undefined;
}
