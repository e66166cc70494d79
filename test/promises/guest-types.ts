// What kinds of guests a driver runs: each boots, and is heard on its console, or the driver says that it has none.
import { DriverError, type GuestType } from '../../drivers/hypervisor.ts';
import type { Bench } from './bench.ts';
import type { DriverPromise } from './promises.ts';

const WHAT: readonly [GuestType, string][] = [
  ['hvm', 'boots a guest by its firmware (hvm)'],
  ['pv', 'boots a paravirtual guest (pv)'],
  ['pvh', "boots a paravirtual guest with the processor's help (pvh)"],
];

async function boots(bench: Bench, guestType: GuestType): Promise<void> {
  const { options, hypervisor } = bench;
  if (!options.guest) throw new DriverError('unsupported', 'nothing runs in its machines');
  // All the other promises have been kept with one of these.
  if (bench.machine.guestType === guestType) return;
  const machine = await bench.other(guestType);
  try {
    await hypervisor.define(machine);
    await hypervisor.start(machine.name);
    await bench.hears(/^GUEST ready=/m, 'report\n', machine.name);
  } finally {
    await hypervisor.powerOff(machine.name);
    await hypervisor.undefine(machine.name);
  }
}

export const GUEST_TYPES: DriverPromise[] = WHAT.map(([guestType, name]) => ({
  name,
  keep: (bench) => boots(bench, guestType),
}));
