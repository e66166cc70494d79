// A connected KVM driver for one test file, with machines that have no operating system and are cleared away.

import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hypervisor, HypervisorEvent, Machine, MachineDisk } from '../../drivers/hypervisor.ts';
import { openHypervisor } from '../../drivers/open.ts';

export interface KvmHost {
  hypervisor: Hypervisor;
  /** Folder that QEMU's user can enter. */
  folder: string;
  /** A machine with one empty disk, not defined yet; its name is unique to this run. */
  machine(name: string, part?: Partial<Machine>): Promise<Machine>;
  /** An empty sparse disk. */
  disk(position: number): Promise<MachineDisk>;
}

const MIB = 1024 * 1024;

/** Emulation is forced: what is tested is the driver, and it takes the same way with KVM. */
export async function kvmHost(teardown: (act: () => Promise<void>) => void): Promise<KvmHost> {
  const folder = await mkdtemp('/var/lib/libvirt/images/ikt-kvm-');
  await chmod(folder, 0o777);
  const hypervisor = openHypervisor({ uri: 'qemu:///system', acceleration: 'tcg' });
  const names: string[] = [];
  let disks = 0;
  await hypervisor.connect();
  teardown(async () => {
    for (const name of names) {
      await hypervisor.powerOff(name);
      await hypervisor.undefine(name);
    }
    await hypervisor.close();
    await rm(folder, { recursive: true, force: true });
  });
  const disk = async (position: number): Promise<MachineDisk> => {
    const path = join(folder, `disk-${disks++}.raw`);
    await writeFile(path, '');
    await truncate(path, 4 * MIB);
    return { position, path, format: 'raw', serial: `d${disks}` };
  };
  return {
    hypervisor,
    folder,
    disk,
    async machine(name, part = {}) {
      const full = `ikt-kvm-${process.pid}-${name}`;
      names.push(full);
      const fixed = { name: full, uuid: randomUUID(), vserverId: `vs-${name}`, vcpus: 1, memoryMiB: 64 };
      return { ...fixed, disks: [await disk(0)], nics: [], media: [], ...part };
    },
  };
}

/** Collects events of one machine from now on; `until` resolves with the first that fits. */
export function watch(hypervisor: Hypervisor, name: string) {
  const events = hypervisor.events()[Symbol.asyncIterator]();
  return {
    async until(fits: (event: HypervisorEvent) => boolean): Promise<HypervisorEvent> {
      for (;;) {
        const { done, value } = await events.next();
        if (done) throw new Error('the events ended');
        if ('name' in value && value.name === name && fits(value)) return value;
      }
    },
    async stop(): Promise<void> {
      await events.return?.();
    },
  };
}
