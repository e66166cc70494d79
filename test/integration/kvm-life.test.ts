// The life of a machine through the driver, on the system's libvirtd with real QEMU processes.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { kvmHost, watch } from '../helpers/kvm-host.ts';
import { eventually } from '../helpers/waiting.ts';

const run = promisify(execFile);
const host = await kvmHost((act) => t.teardown(act));
const { hypervisor } = host;

t.test('every verb holds when it is said twice', async (t) => {
  const machine = await host.machine('life');
  const { name } = machine;
  const state = async () => (await hypervisor.find(name))?.state;
  const twice = async (act: () => Promise<void>, expected: string) => {
    await act();
    t.equal(await state(), expected);
    await t.resolves(act());
    t.equal(await state(), expected);
  };
  t.equal(await hypervisor.find(name), undefined);
  await twice(() => hypervisor.define(machine), 'off');
  await twice(() => hypervisor.start(name), 'running');
  await twice(() => hypervisor.pause(name), 'paused');
  await t.rejects(
    hypervisor.start(name),
    { code: 'wrong-state' },
    'a paused machine is not started but resumed',
  );
  await twice(() => hypervisor.resume(name), 'running');
  await twice(() => hypervisor.reset(name), 'running');
  await twice(() => hypervisor.shutdown(name), 'running'); // firmware does not hear the button
  await t.rejects(hypervisor.undefine(name), { code: 'wrong-state' }, 'a running machine stays defined');
  const image = join(host.folder, 'saved');
  await twice(() => hypervisor.save(name, image), 'off');
  t.equal((await hypervisor.find(name))?.reason, 'saved');
  await twice(() => hypervisor.restore(name, image), 'running');
  await twice(() => hypervisor.powerOff(name), 'off');
  await t.resolves(hypervisor.shutdown(name), 'what is off is shut down');
  await t.rejects(hypervisor.reset(name), { code: 'wrong-state' });
  await hypervisor.undefine(name);
  await t.resolves(hypervisor.undefine(name));
  await t.resolves(hypervisor.powerOff(name));
  await t.rejects(hypervisor.start(name), { code: 'not-found' });
});

t.test('a name or UUID that belongs to another domain is a conflict', async (t) => {
  const first = await host.machine('first');
  const second = await host.machine('second');
  await hypervisor.define(first);
  await t.rejects(hypervisor.define({ ...second, name: first.name }), { code: 'conflict' });
  await t.rejects(hypervisor.define({ ...second, uuid: first.uuid }), { code: 'conflict' });
});

t.test('the list has running and stopped machines with their numbers', async (t) => {
  const on = await host.machine('on', { vcpus: 2, memoryMiB: 48 });
  const off = await host.machine('off');
  await hypervisor.define(on);
  await hypervisor.define(off);
  await hypervisor.start(on.name);
  const samples = new Map((await hypervisor.list()).map((sample) => [sample.name, sample]));
  t.match(samples.get(off.name), { state: 'off', uuid: off.uuid, vcpus: 1, memoryMiB: 64, cpuTimeNs: 0n });
  t.match(samples.get(on.name), { state: 'running', reason: 'booted', vcpus: 2, memoryMiB: 48 });
  // libvirt leaves out what QEMU cannot tell at that moment, as right after the start.
  const look = async () => (await hypervisor.list()).find(({ name }) => name === on.name)!;
  const sample = await eventually(
    look,
    ({ rssKiB, cpuTimeNs }) => (rssKiB ?? 0) > 0 && cpuTimeNs > 0n,
    'all its numbers',
  );
  t.match(sample.disks, [{ target: 'vda', path: on.disks[0]!.path }]);
  t.type(sample.disks[0]?.readBytes, 'bigint');
});

t.test('an end from outside is an event with its reason', async (t) => {
  const machine = await host.machine('outside');
  const { name, uuid } = machine;
  const seen = watch(hypervisor, name);
  t.teardown(() => seen.stop());
  await hypervisor.define(machine);
  await seen.until((event) => event.type === 'machine' && event.reason === 'defined');
  await hypervisor.start(name);
  const state = (wanted: string) => seen.until((event) => event.type === 'machine' && event.state === wanted);
  const booted = () => seen.until((event) => event.type === 'machine' && event.reason === 'booted');
  t.match(await booted(), { uuid, state: 'running' });

  await run('virsh', ['destroy', name]);
  t.match(await state('off'), { reason: 'destroyed' });
  t.match(await hypervisor.find(name), { state: 'off', reason: 'destroyed' });

  await hypervisor.start(name);
  await booted();
  const pid = Number(await readFile(`/run/libvirt/qemu/${name}.pid`, 'utf8'));
  process.kill(pid, 'SIGKILL');
  t.match(await state('off'), { reason: 'failed' });
  t.match(
    await hypervisor.find(name),
    { state: 'off', reason: 'crashed' },
    'and the state remembers a crash',
  );

  await hypervisor.undefine(name);
  const gone = await seen.until((event) => event.type === 'machine' && event.reason === 'undefined');
  t.notOk('state' in gone, 'gone means no state');
});

t.test('the serial console shows the firmware', async (t) => {
  const machine = await host.machine('console');
  await hypervisor.define(machine);
  await t.rejects(hypervisor.openConsole(machine.name), { code: 'wrong-state' });
  await hypervisor.start(machine.name);
  const console = await hypervisor.openConsole(machine.name);
  // What was said before anyone listened is lost: have it said again. Not too soon, though: firmware that is
  // reset before it has set itself up does not always come back.
  const again = setInterval(() => hypervisor.reset(machine.name).catch(() => {}), 8_000);
  t.teardown(() => clearInterval(again));
  let text = '';
  for await (const chunk of console) {
    text += chunk;
    if (/No bootable device/.test(text)) break;
  }
  t.match(text, /No bootable device/);
});

t.test("the agent's own QMP monitor listens beside libvirt's", async (t) => {
  const socket = join(host.folder, 'qmp,1.sock');
  const machine = await host.machine('qmp', { qmpSocket: socket });
  await hypervisor.define(machine);
  await hypervisor.start(machine.name);
  const connection = connect(socket);
  for await (const chunk of connection) {
    t.match(String(chunk), /"QMP"/);
    break;
  }
});

t.test('an agent that is not there is an error at once', async (t) => {
  const machine = await host.machine('deaf');
  await hypervisor.define(machine);
  await hypervisor.start(machine.name);
  await t.rejects(hypervisor.guestAgent(machine.name, { execute: 'guest-ping' }, 60_000), {
    code: 'wrong-state',
  });
});

t.test('the facts say what runs the guests', async (t) => {
  t.match(await hypervisor.facts(), {
    hypervisor: 'qemu',
    emulated: /asks for emulation/,
    hypervisorVersion: /^\d+\.\d+\.\d+$/,
    libvirtVersion: /^\d+\.\d+\.\d+$/,
    hostname: /./,
    architecture: 'x86_64',
    cpuModel: /./,
    cpus: Number,
    memoryMiB: Number,
  });
});
