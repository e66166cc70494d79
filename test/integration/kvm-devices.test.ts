// Plugging and unplugging through the driver, on real QEMU machines whose guests are only firmware.
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import t from 'tap';
import type { Machine, MachineNic } from '../../drivers/hypervisor.ts';
import { type KvmHost, kvmHost } from '../helpers/kvm-host.ts';

const run = promisify(execFile);
const bridge = `iktk${process.pid}`;
await run('ip', ['link', 'add', bridge, 'type', 'bridge']);
t.teardown(() => run('ip', ['link', 'del', bridge]));
const host: KvmHost = await kvmHost((act) => t.teardown(act));
const { hypervisor } = host;

const targets = async ({ name }: Machine): Promise<string[]> =>
  (await hypervisor.find(name))!.disks.map((disk) => disk.target).sort();

t.test('a disk is plugged into a running machine, and is there after the next boot too', async (t) => {
  const machine = await host.machine('plug');
  await hypervisor.define(machine);
  await hypervisor.start(machine.name);
  const disk = await host.disk(1);
  await hypervisor.attachDisk(machine.name, disk);
  t.same(await targets(machine), ['vda', 'vdb']);
  await t.resolves(hypervisor.attachDisk(machine.name, disk), 'plugging it again is success');
  const other = { ...(await host.disk(1)), serial: 'other' };
  await t.rejects(hypervisor.attachDisk(machine.name, other), { code: 'conflict' });

  await t.rejects(hypervisor.detachDisk(machine.name, 1, 300), {
    code: 'wrong-state',
    message: /did not let go/,
  });
  t.same(await targets(machine), ['vda', 'vdb'], 'firmware keeps it, and so does the definition');

  await hypervisor.powerOff(machine.name);
  await hypervisor.start(machine.name);
  t.same(await targets(machine), ['vda', 'vdb']);
  await hypervisor.powerOff(machine.name);
  await hypervisor.detachDisk(machine.name, 1, 300);
  t.same(await targets(machine), ['vda']);
  await t.resolves(hypervisor.detachDisk(machine.name, 1, 300), 'what is not there is unplugged');
});

t.test(
  'what a libvirtd killed while it plugged a disk has left in QEMU does not keep others out',
  async (t) => {
    const machine = await host.machine('half');
    await hypervisor.define(machine);
    await hypervisor.start(machine.name);
    // The number that libvirt gives to its next block node.
    const { stdout } = await run('virsh', ['dumpxml', machine.name]);
    const next =
      Math.max(...[...stdout.matchAll(/<source [^>]*index='(\d+)'/g)].map(([, n]) => Number(n))) + 1;
    const disk = await host.disk(1);
    const left = {
      execute: 'blockdev-add',
      arguments: { driver: 'null-co', 'node-name': `libvirt-${next}-storage` },
    };
    const answer = await run('virsh', ['qemu-monitor-command', machine.name, JSON.stringify(left)]);
    t.match(answer.stdout, /"return"/);
    await hypervisor.attachDisk(machine.name, disk);
    t.same(await targets(machine), ['vda', 'vdb']);
  },
);

/** Opens the tap named first and passes it on as file descriptor 9 to the command that follows. */
const WITH_TAP = `import fcntl, os, struct, sys
tap = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH22x', sys.argv[1].encode(), 0x5002))
os.dup2(tap, 9)
os.execvp(sys.argv[2], sys.argv[2:])`;

t.test('nor does what is left of a NIC', async (t) => {
  const machine = await host.machine('half-nic');
  await hypervisor.define(machine);
  await hypervisor.start(machine.name);
  const tell = async (execute: string, args: object, passing: string[] = [], by: string[] = ['virsh']) => {
    const command = [...by, 'qemu-monitor-command', ...passing, machine.name];
    const text = JSON.stringify({ execute, arguments: args });
    const { stdout } = await run(command[0]!, [...command.slice(1), text]);
    t.match(stdout, /"return"/, execute);
  };
  const hold = (device: string, fdname: string) =>
    tell('getfd', { fdname }, ['--pass-fds', '9'], ['python3', '-c', WITH_TAP, device, 'virsh']);
  const plug = async (position: number, device: string) => {
    const mac = `52:54:00:00:02:0${position}`;
    await hypervisor.attachNic(machine.name, { position, mac, device, bridge, mtu: 1500 });
    t.match((await hypervisor.find(machine.name))!.nics[position], { device });
  };
  await hold(`${bridge}a`, 'tapfd-ua-nic-00');
  await plug(0, `${bridge}a`);
  await hold(`${bridge}b`, 'tapfd-ua-nic-10');
  await tell('netdev_add', { type: 'tap', id: 'hostua-nic-1', fd: 'tapfd-ua-nic-10' });
  await plug(1, `${bridge}b`);
  // Its operation was undone since, and another one plugs another NIC.
  await hold(`${bridge}c`, 'tapfd-ua-nic-20');
  await tell('netdev_add', { type: 'tap', id: 'hostua-nic-2', fd: 'tapfd-ua-nic-20' });
  await run('ip', ['link', 'del', `${bridge}c`]);
  await plug(2, `${bridge}d`);
});

t.test('waiting for a guest ends when its machine does', async (t) => {
  const machine = await host.machine('ends');
  await hypervisor.define({ ...machine, disks: [...machine.disks, await host.disk(1)] });
  await hypervisor.start(machine.name);
  const detached = hypervisor.detachDisk(machine.name, 1, 120_000);
  await hypervisor.powerOff(machine.name);
  await t.resolves(detached);
  t.same(await targets(machine), ['vda']);
});

t.test('a NIC has the tap it was promised, on its bridge', async (t) => {
  const nic = (position: number): MachineNic => ({
    position,
    mac: `52:54:00:00:01:0${position}`,
    device: `iktt${process.pid}${position}`,
    bridge,
    mtu: 1400,
  });
  const machine = await host.machine('nics', { nics: [nic(0)] });
  await hypervisor.define(machine);
  await hypervisor.start(machine.name);
  await hypervisor.attachNic(machine.name, nic(1));
  await t.resolves(hypervisor.attachNic(machine.name, nic(1)));
  await t.rejects(hypervisor.attachNic(machine.name, { ...nic(1), device: 'other0' }), { code: 'conflict' });
  const devices = (await hypervisor.find(machine.name))!.nics.map((found) => found.device);
  t.same(devices, [nic(0).device, nic(1).device]);
  const { stdout } = await run('ip', ['-json', 'link', 'show', 'dev', nic(1).device]);
  t.match(JSON.parse(stdout), [{ master: bridge, mtu: 1400 }]);
  await hypervisor.powerOff(machine.name);
  await hypervisor.detachNic(machine.name, nic(1).mac, 300);
  await t.resolves(hypervisor.detachNic(machine.name, nic(1).mac, 300));
});

t.test('a running machine learns that its disk has grown', async (t) => {
  const machine = await host.machine('grow');
  await hypervisor.define(machine);
  await t.resolves(hypervisor.resizeDisk(machine.name, 0, 8 << 20), 'one that is off need not be told');
  await hypervisor.start(machine.name);
  await hypervisor.resizeDisk(machine.name, 0, 8 << 20);
  const { stdout } = await run('virsh', ['domblkinfo', machine.name, 'vda']);
  t.match(stdout, /Capacity: +8388608/);
  await t.rejects(hypervisor.resizeDisk(machine.name, 0, -1), { code: 'invalid' });
});

async function mediumIn({ name }: Machine): Promise<string | undefined> {
  const { stdout } = await run('virsh', ['domblklist', name]);
  return /hda +(\S+)/.exec(stdout)?.[1];
}

t.test('a medium is changed and taken out, on and off', async (t) => {
  const [first, second] = [await host.disk(0), await host.disk(0)];
  const machine = await host.machine('media', { media: [{ path: first.path, bus: 'cdrom' }] });
  await hypervisor.define(machine);
  const inside = () => mediumIn(machine);
  t.equal(await inside(), first.path);
  await hypervisor.changeMedium(machine.name, 0, second.path);
  t.equal(await inside(), second.path);
  await hypervisor.start(machine.name);
  await hypervisor.changeMedium(machine.name, 0, undefined);
  t.equal(await inside(), '-');
  await hypervisor.changeMedium(machine.name, 0, first.path);
  await t.resolves(hypervisor.changeMedium(machine.name, 0, first.path));
  t.equal(await inside(), first.path);
});

t.test('a medium is changed while the firmware resets its drives', async (t) => {
  const [first, second] = [await host.disk(0), await host.disk(0)];
  const machine = await host.machine('reset', { media: [{ path: first.path, bus: 'cdrom' }] });
  await hypervisor.define(machine);
  await hypervisor.start(machine.name);
  for (const [round, medium] of Array.from({ length: 20 }, (_, n) => [n, n % 2 ? first : second] as const)) {
    await hypervisor.reset(machine.name);
    await sleep(round * 5);
    await hypervisor.changeMedium(machine.name, 0, medium.path);
    t.equal(await mediumIn(machine), medium.path);
  }
});
