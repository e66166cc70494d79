// What befalls a VServer on a Xen host: agents and daemons that die, stops, backups, cuts of power, and its end.
import assert from 'node:assert/strict';
import { bootedGuest } from '../helpers/guest-console.ts';
import { type Step, type Subject, told, until } from './vserver.ts';

async function outlivesTheAgent(subject: Subject): Promise<void> {
  const before = await subject.domainId();
  await subject.agent.kill();
  await subject.agent.start();
  await subject.reached('running');
  assert.equal(await subject.domainId(), before);
  await subject.isConnected();
  assert((await bootedGuest(subject.agent, 'web')).has('ready'), 'and its console can be read');
}

async function outlivesLibvirtd(subject: Subject): Promise<void> {
  const before = await subject.domainId();
  await told('systemctl', 'restart', 'libvirtd');
  await subject.isConnected();
  assert.equal(await subject.domainId(), before);
}

async function waits(subject: Subject): Promise<void> {
  await subject.verb('pauseVServer');
  assert.match(await told('xl', 'list', subject.domain), / [-r][-b]p--- /);
  await subject.verb('resumeVServer');
  await subject.guestSays('echo sum=$((6*7))', /sum=42/);
}

async function sleeps(subject: Subject): Promise<void> {
  await subject.guestSays('touch /tmp/remembered; echo sum=$((6*7))', /sum=42/);
  await subject.verb('saveVServer');
  assert.equal(await subject.domainId(), undefined);
  await subject.verb('restoreVServer');
  await subject.guestSays('ls /tmp/remembered && echo sum=$((6*7))', /sum=42/);
  await until(async () => (await subject.scheduled()).join() === '128,100', 'it is scheduled as defined');
}

async function stops(subject: Subject): Promise<void> {
  await subject.verb('stopVServer');
  const { power, reason } = await subject.reached('inactive');
  assert.equal(power, 'on');
  assert.match(reason, /guest shut down/);
}

async function isRestored(subject: Subject): Promise<void> {
  const { agent } = subject;
  const { vdiskId, path } = await subject.systemDisk();
  const backup = await agent.call<{ vdiskId: string }>('backupVDisk', { vdiskId, name: 'saved' });
  await told('qemu-io', '-f', 'qcow2', '-c', 'write -P 0x55 0 1M', path);
  await assert.rejects(subject.verb('startVServer'), 'a spoiled disk does not boot');
  await agent.call('restoreVDisk', { vdiskId, backupId: backup.vdiskId });
  await subject.verb('startVServer');
  assert((await bootedGuest(agent, 'web')).has('ready'));
  await agent.call('destroyVDisk', { vdiskId: 'saved' });
}

async function losesPower(subject: Subject): Promise<void> {
  const off = await subject.verb('powerOffVServer');
  assert.deepEqual([off.state, off.power], ['inactive', 'off']);
  assert.equal((await subject.capacity()).memory.reserved, 0);
  assert.equal(await subject.domainId(), undefined);
  const on = await subject.verb('powerOnVServer');
  assert.deepEqual([on.state, on.power], ['inactive', 'on']);
  await subject.verb('startVServer');
  const report = await bootedGuest(subject.agent, 'web');
  assert.equal(report.get('address.0'), '10.9.0.77/24', 'the same address');
}

async function isDestroyed(subject: Subject): Promise<void> {
  const { agent } = subject;
  await subject.verb('destroyVServer');
  await agent.call('destroyVNet', { vnetId: 'blue' });
  assert.deepEqual(await agent.leftovers(), subject.begun);
  assert.doesNotMatch(await told('xl', 'list'), /ikx-/);
}

export const SECOND_LIFE: Step[] = [
  ['the agent is killed and started again: the guest never notices', outlivesTheAgent],
  ['libvirtd is restarted: the guest never notices, and the agent connects again', outlivesLibvirtd],
  ['it is paused, and goes on', waits],
  ['its memory is saved and comes back, scheduled as before', sleeps],
  ['it is asked to stop, and the agent hears when its guest has', stops],
  ['its disk is backed up, spoiled, restored, and boots', isRestored],
  ['power off gives everything back but the disk, power on takes it again', losesPower],
  ['it is destroyed, and the host is as it was', isDestroyed],
];
