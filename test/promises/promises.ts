// What every hypervisor driver promises, in the order of one machine's life: the same list for all of them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { DriverError } from '../../drivers/hypervisor.ts';
import type { Bench } from './bench.ts';
import { GUEST_TYPES } from './guest-types.ts';

export interface DriverPromise {
  name: string;
  keep(bench: Bench): Promise<void>;
}

const DETACH_MS = 120_000;
const code = (wanted: string) => (error: unknown) => error instanceof DriverError && error.code === wanted;

async function state(bench: Bench): Promise<string | undefined> {
  return (await bench.hypervisor.find(bench.name))?.state;
}

/** A guest must be there to answer; where machines are empty the promise cannot be made. */
function needsGuest(bench: Bench): void {
  if (!bench.options.guest) throw new DriverError('unsupported', 'nothing runs in its machines');
}

/** Verbs that the driver says it lacks must be refused as `unsupported`, which is then the outcome. */
export const PROMISES: DriverPromise[] = [
  {
    name: 'tells what the host is and how much memory is free',
    async keep({ hypervisor }) {
      const facts = await hypervisor.facts();
      assert.match(facts.libvirtVersion, /^\d+\.\d+\.\d+$/);
      assert(facts.memoryMiB > 0 && facts.cpus > 0 && facts.architecture !== '');
      const free = await hypervisor.freeMemoryMiB();
      assert(free > 0 && free <= facts.memoryMiB, `${free} of ${facts.memoryMiB} MiB`);
    },
  },
  {
    name: 'defines a machine, which is then off and among all others',
    async keep({ hypervisor, machine, name }) {
      await hypervisor.define(machine);
      await hypervisor.define(machine);
      const listed = (await hypervisor.list()).filter((sample) => sample.name === name);
      assert.equal(listed.length, 1);
      assert.deepEqual([listed[0]!.uuid, listed[0]!.state], [machine.uuid, 'off']);
    },
  },
  {
    name: 'never takes the place of another domain',
    async keep({ hypervisor, machine }) {
      await assert.rejects(hypervisor.define({ ...machine, uuid: randomUUID() }), code('conflict'));
    },
  },
  {
    name: 'says not-found of a machine that does not exist',
    async keep({ hypervisor }) {
      assert.equal(await hypervisor.find('ikp-nobody'), undefined);
      await assert.rejects(hypervisor.start('ikp-nobody'), code('not-found'));
      await hypervisor.powerOff('ikp-nobody');
      await hypervisor.undefine('ikp-nobody');
    },
  },
  {
    name: 'plugs a disk into a machine that is off, and unplugs it',
    async keep(bench) {
      const { hypervisor, name } = bench;
      const disk = await bench.disk(3);
      await hypervisor.attachDisk(name, disk);
      await hypervisor.attachDisk(name, disk);
      await assert.rejects(hypervisor.attachDisk(name, await bench.disk(3)), code('conflict'));
      await hypervisor.detachDisk(name, 3, DETACH_MS);
      await hypervisor.detachDisk(name, 3, DETACH_MS);
    },
  },
  {
    name: 'starts a machine, tells so by an event, and does nothing the second time',
    async keep(bench) {
      const { hypervisor, name } = bench;
      await hypervisor.start(name);
      await hypervisor.start(name);
      await bench.event((event) => event.type === 'machine' && event.state === 'running');
      assert.equal(await state(bench), 'running');
    },
  },
  {
    name: 'counts the vCPUs, the memory and the CPU time of what runs',
    async keep(bench) {
      needsGuest(bench);
      const sample = await bench.hypervisor.find(bench.name);
      assert.deepEqual([sample?.vcpus, sample?.memoryMiB], [1, bench.machine.memoryMiB]);
      assert(sample!.cpuTimeNs > 0n);
    },
  },
  {
    name: 'schedules a running machine by its share and its cap',
    async keep(bench) {
      needsGuest(bench);
      assert.deepEqual(await bench.scheduling(), { shares: 512, capPercent: 100 });
    },
  },
  {
    name: "gives a NIC's device its name and its bridge",
    async keep(bench) {
      needsGuest(bench);
      assert.deepEqual(await bench.plugged(), [bench.machine.nics[0]!.device]);
    },
  },
  {
    name: 'carries the console both ways',
    async keep(bench) {
      needsGuest(bench);
      await bench.hears(/^GUEST ready=/m, 'report\n');
      await bench.hears(/sum=42/, 'echo sum=$((6*7))\n');
    },
  },
  {
    name: 'takes memory from a running machine by its balloon, and gives it back',
    async keep(bench) {
      needsGuest(bench);
      const { hypervisor, name, machine } = bench;
      for (const wanted of [machine.memoryMiB - 16, machine.memoryMiB]) {
        await hypervisor.setMemory(name, wanted);
        await bench.until(async () => (await hypervisor.find(name))?.memoryMiB === wanted);
      }
    },
  },
  {
    name: 'plugs a disk into a running machine, and gets it back',
    async keep(bench) {
      const { hypervisor, name } = bench;
      await hypervisor.attachDisk(name, await bench.disk(2));
      assert.equal((await hypervisor.find(name))?.disks.length, 2);
      await hypervisor.detachDisk(name, 2, DETACH_MS);
      assert.equal((await hypervisor.find(name))?.disks.length, 1);
    },
  },
  {
    name: 'plugs a NIC into a running machine, and gets it back',
    async keep(bench) {
      const { hypervisor, name } = bench;
      const nic = bench.nic(1);
      await hypervisor.attachNic(name, nic);
      assert((await bench.plugged()).includes(nic.device));
      await hypervisor.detachNic(name, nic.mac, DETACH_MS);
      assert(!(await bench.plugged()).includes(nic.device));
    },
  },
  {
    name: 'tells a running machine the new length of its disk',
    async keep({ hypervisor, name }) {
      await hypervisor.resizeDisk(name, 0, 64 * 2 ** 20);
    },
  },
  {
    name: 'changes the medium in a drive',
    async keep({ hypervisor, name, machine }) {
      // Without a drive a driver that can do it says that the drive is missing.
      await assert.rejects(hypervisor.changeMedium(name, 0, machine.disks[0]!.path), (error) => {
        if (code('unsupported')(error)) throw error;
        return error instanceof DriverError;
      });
    },
  },
  {
    name: 'pauses a machine and lets it go on',
    async keep(bench) {
      const { hypervisor, name } = bench;
      await hypervisor.pause(name);
      await hypervisor.pause(name);
      assert.equal(await state(bench), 'paused');
      await hypervisor.resume(name);
      await hypervisor.resume(name);
      assert.equal(await state(bench), 'running');
    },
  },
  {
    name: 'saves a machine with its memory and brings it back',
    async keep(bench) {
      const { hypervisor, name, folder } = bench;
      const image = join(folder, 'memory');
      await hypervisor.save(name, image);
      assert.equal(await state(bench), 'off');
      await hypervisor.restore(name, image);
      assert.equal(await state(bench), 'running');
      if (bench.options.guest) await bench.hears(/sum=42/, 'echo sum=$((6*7))\n');
    },
  },
  {
    name: 'asks the guest agent, and does not wait for one that is not there',
    async keep({ hypervisor, name }) {
      const asked = hypervisor.guestAgent(name, { execute: 'guest-ping' }, 5000);
      await assert.rejects(asked, (error) => {
        if (code('unsupported')(error)) throw error;
        return code('wrong-state')(error);
      });
    },
  },
  {
    name: 'offers QMP beside libvirt, for backups of a running machine',
    async keep({ hypervisor, machine }) {
      if (!hypervisor.features.liveBackup)
        throw new DriverError('unsupported', 'the driver has no live backup');
      const socket = createConnection(machine.qmpSocket!);
      const greeting = await new Promise((resolve, reject) => {
        socket.once('data', (bytes) => resolve(String(bytes))).once('error', reject);
      });
      socket.destroy();
      assert.match(String(greeting), /"QMP"/);
    },
  },
  {
    name: 'presses the reset button',
    async keep(bench) {
      await bench.hypervisor.reset(bench.name);
      assert.equal(await state(bench), 'running');
      if (bench.options.guest) await bench.hears(/^GUEST ready=/m, 'report\n');
    },
  },
  {
    name: 'asks the guest to shut down, and tells when it has',
    async keep(bench) {
      bench.forgetEvents();
      await bench.hypervisor.shutdown(bench.name);
      await bench.event((event) => event.type === 'machine' && event.state === 'off');
      assert.equal(await state(bench), 'off');
      await bench.hypervisor.shutdown(bench.name);
    },
  },
  {
    name: 'cuts the power, and does nothing the second time',
    async keep(bench) {
      const { hypervisor, name } = bench;
      await hypervisor.start(name);
      await assert.rejects(
        hypervisor.undefine(name),
        code('wrong-state'),
        'a running machine keeps its definition',
      );
      await hypervisor.powerOff(name);
      await hypervisor.powerOff(name);
      assert.equal(await state(bench), 'off');
    },
  },
  {
    name: 'removes the definition, and leaves no device',
    async keep(bench) {
      await bench.hypervisor.undefine(bench.name);
      await bench.hypervisor.undefine(bench.name);
      assert.equal(await bench.hypervisor.find(bench.name), undefined);
      assert.deepEqual(await bench.plugged(), []);
    },
  },
  ...GUEST_TYPES,
];
