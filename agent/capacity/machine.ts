// What the machine is made of, for people who look after many: asked once at start, by a thread that ends with it.
import { Worker } from 'node:worker_threads';
import { type Static, Type } from '@sinclair/typebox';
import type { Host } from '../host.ts';

/** `dmidecode` or `smartctl` may hang on broken hardware; the agent does not wait for them for ever. */
const LONGEST_MS = 60_000;
const Text = Type.String();

/** Texts are those of firmware and drivers, cleaned and cut; empty where they say nothing. */
export const MachineInventory = Type.Object(
  {
    manufacturer: Text,
    model: Text,
    serial: Text,
    firmware: Text,
    operatingSystem: Text,
    processor: Type.Object({
      name: Text,
      sockets: Type.Number(),
      cores: Type.Number(),
      threads: Type.Number(),
      flags: Type.Array(Text, { description: 'As the kernel names them' }),
    }),
    memory: Type.Array(
      Type.Object({
        bytes: Type.Number(),
        type: Text,
        bank: Text,
        megahertz: Type.Optional(Type.Number()),
      }),
    ),
    disks: Type.Array(Type.Object({ device: Text, name: Text, type: Text, bytes: Type.Number() })),
    nics: Type.Array(Type.Object({ name: Text, mac: Text, megabitsPerSecond: Type.Optional(Type.Number()) })),
  },
  { $id: 'MachineInventory' },
);
export type MachineInventory = Static<typeof MachineInventory>;

/** @throws Error when the machine does not tell within a minute */
export function readMachine(): Promise<MachineInventory> {
  const worker = new Worker(new URL('./machine-worker.ts', import.meta.url));
  // Nobody waits for it at the end of the agent.
  worker.unref();
  const { promise, resolve, reject } = Promise.withResolvers<MachineInventory>();
  const timer = setTimeout(() => reject(new Error('it takes longer than a minute')), LONGEST_MS).unref();
  worker.once('message', resolve);
  worker.once('error', reject);
  worker.once('exit', () => reject(new Error('its thread has ended without an answer')));
  return promise.finally(() => {
    clearTimeout(timer);
    void worker.terminate();
  });
}

/** Never fails: a machine that does not say what it is made of runs guests all the same. */
export async function takeInventory({ totals, log }: Host): Promise<void> {
  try {
    totals.machine = await readMachine();
  } catch (error) {
    log.warn({ err: error }, 'the machine does not tell what it is made of');
  }
}
