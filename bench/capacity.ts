// Benchmark: one sample of all VServers through our client, against a probe that asks virsh about each, as OpenNebula's do.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { openHypervisor } from '../drivers/open.ts';
import type { Session } from './lib/benchmark.ts';

const run = promisify(execFile);
const URI = 'test:///default';
/** Named with its transport, or virsh would make a test host of its own inside its process. */
const VIRSH_URI = 'test+unix:///default';
/** A small host; what a probe costs grows with it, one sample hardly does. */
const VSERVERS = 20;
/** One sample is too short to be timed alone. */
const SAMPLES = 20;

export const name = 'capacity';

export const rounds = 5;

export const units = { sample: SAMPLES };

const virsh = (...words: string[]) => run('virsh', ['-q', '-c', VIRSH_URI, ...words]);

/** Twenty running domains of libvirt's test driver, where no guest's own work is measured along. */
export async function prepare(): Promise<Session> {
  const hypervisor = openHypervisor({ uri: URI });
  await hypervisor.connect();
  const names = Array.from({ length: VSERVERS }, (_, number) => `ikbench-${process.pid}-${number}`);
  const close = async () => {
    for (const domain of names) {
      await hypervisor.powerOff(domain).catch(() => {});
      await hypervisor.undefine(domain).catch(() => {});
    }
    await hypervisor.close();
  };
  try {
    for (const domain of names) {
      const size = { vcpus: 1, memoryMiB: 1 };
      const disks = [{ position: 0, path: '/nonexistent', format: 'raw' as const, serial: 'd' }];
      const parts = { disks, nics: [], media: [] };
      await hypervisor.define({ name: domain, uuid: randomUUID(), vserverId: domain, ...size, ...parts });
      await hypervisor.start(domain);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    cases: {
      sample: async () => {
        for (let sample = 0; sample < SAMPLES; sample++) await hypervisor.list();
      },
      virsh_probes: async () => {
        await virsh('nodeinfo');
        await virsh('list', '--name');
        // The state and the counters of each, by a process of its own.
        for (const domain of names) {
          await virsh('dominfo', domain);
          await virsh('dumpxml', domain);
        }
      },
    },
    close,
  };
}

/** From the medians in milliseconds per sample of the whole host; below 1 we are faster. */
export function ratios(medians: Record<string, number>): Record<string, number> {
  return { sample_vs_virsh_probes: (medians.sample ?? Number.NaN) / (medians.virsh_probes ?? Number.NaN) };
}
