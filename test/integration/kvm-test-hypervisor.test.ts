// The same driver on libvirt's test hypervisor: many VServers, one round trip for all.
import { randomUUID } from 'node:crypto';
import t from 'tap';
import type { Machine } from '../../drivers/hypervisor.ts';
import { openHypervisor } from '../../drivers/open.ts';

const COUNT = 200;

function machine(index: number): Machine {
  const name = `ikt-many-${process.pid}-${index}`;
  const disks: Machine['disks'] = [{ position: 0, path: '/nonexistent', format: 'raw', serial: 'd' }];
  return { name, uuid: randomUUID(), vserverId: name, vcpus: 1, memoryMiB: 1, disks, nics: [], media: [] };
}

t.test('two hundred machines live side by side', async (t) => {
  const hypervisor = openHypervisor({ uri: 'test:///default' });
  t.teardown(() => hypervisor.close());
  await hypervisor.connect();
  const machines = [...Array(COUNT).keys()].map(machine);
  t.teardown(async () => {
    for (const { name } of machines) {
      await hypervisor.powerOff(name);
      await hypervisor.undefine(name);
    }
  });
  const events = hypervisor.events()[Symbol.asyncIterator]();
  await Promise.all(machines.map((one) => hypervisor.define(one)));
  await Promise.all(machines.map(({ name }) => hypervisor.start(name)));
  const ours = (await hypervisor.list()).filter(({ name }) => name.startsWith(`ikt-many-${process.pid}-`));
  t.equal(ours.length, COUNT);
  t.ok(ours.every(({ state }) => state === 'running'));

  const started = new Set<string>();
  while (started.size < COUNT) {
    const { value } = await events.next();
    if (value.type === 'machine' && value.reason === 'booted') started.add(value.name);
  }
  t.equal(started.size, COUNT, 'each with its event');
  await events.return?.();
  const { name } = machines[0]!;
  await hypervisor.pause(name);
  await t.resolves(hypervisor.pause(name));
  await hypervisor.resume(name);
  await t.resolves(hypervisor.resume(name));
  await hypervisor.shutdown(name);
  t.match(await hypervisor.find(name), { state: 'off', reason: 'shutdown' });
});

t.test('what the hypervisor cannot do is said', async (t) => {
  const hypervisor = openHypervisor({ uri: 'test:///default' });
  await hypervisor.connect();
  t.teardown(() => hypervisor.close());
  t.match(await hypervisor.facts(), { hypervisor: 'test', hostname: /./, memoryMiB: Number });
  t.match((await hypervisor.topology()).nodes, [
    { id: 0, memoryBytes: 2 ** 31, cpus: [0, 1, 2, 3, 4, 5, 6, 7] },
    { id: 1, memoryBytes: 2 ** 32, cpus: [8, 9, 10, 11, 12, 13, 14, 15] },
  ]);
  t.equal(hypervisor.features.diskHotplug, false);
  await t.rejects(hypervisor.guestAgent('test', { execute: 'x' }, 1000), { name: 'DriverError' });
  t.throws(() => openHypervisor({ uri: 'bhyve:///system' }), { code: 'unsupported' });
});

t.test('a daemon that is not there is one clear error', async (t) => {
  const hypervisor = openHypervisor({ uri: 'test+unix:///default?socket=/nonexistent.sock' });
  t.teardown(() => hypervisor.close());
  await t.rejects(hypervisor.connect(), {
    name: 'DriverError',
    code: 'hypervisor',
    message: /connect to libvirt/,
  });
  t.equal(hypervisor.connected, false);
});
