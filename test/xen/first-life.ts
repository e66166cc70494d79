// A VServer on a Xen host from its image on: what its guest is given, and what is plugged into it while it runs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { bootedGuest } from '../helpers/guest-console.ts';
import { type Step, type Subject, told, until } from './vserver.ts';

const run = promisify(execFile);
const userData = Buffer.from("first\x00line\nwith 'quotes' and ünïcode\n");
const TOKEN = 'it\'s $HOME `x` "y"';
const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');

async function starts(subject: Subject): Promise<void> {
  await subject.agent.start();
  const { hypervisor, memory } = await subject.capacity();
  assert.equal(hypervisor, 'xen');
  const info = await told('xl', 'info');
  const value = (name: string): number => Number(new RegExp(`^${name}\\s*: (\\d+)`, 'm').exec(info)![1]);
  const total = value('total_memory');
  assert(Math.abs(memory.total - total) <= 1, `${memory.total} of ${total} MiB`);
  assert(Math.abs(memory.hostFreeMiB - value('free_memory')) <= 16, `${memory.hostFreeMiB} MiB free`);
}

async function isMade(subject: Subject): Promise<void> {
  const { agent, image } = subject;
  const guest = { name: 'guest', uri: `file://${image}`, guestType: 'pv', osType: 'linux' };
  await agent.call('registerDiskImage', guest);
  subject.begun = await agent.leftovers();
  await agent.call('createVNet', { name: 'blue', ipv4Subnet: '10.9.0.0/24' });
  const created = await agent.call<{ vserverId: string; state: string }>('createVServer', {
    name: 'web',
    type: 'tiny',
    imageId: 'guest',
    vnics: [{ vnetId: 'blue', ipv4Address: '10.9.0.77' }],
    userData: userData.toString('base64'),
    context: ['opennebula', 'nocloud'],
    variables: { GUEST_TOKEN: TOKEN },
  });
  assert.equal(created.state, 'running');
  subject.vserverId = created.vserverId;
}

async function isListed(subject: Subject): Promise<void> {
  const list = await told('xl', 'list');
  console.log(list.trimEnd().replace(/^/gm, '# '));
  assert.match(list, new RegExp(`^${subject.domain} +\\d+ +12[78] +1 `, 'm'));
  assert.equal((await subject.capacity()).memory.reserved, 128);
  assert.deepEqual(await subject.scheduled(), ['128', '100'], 'shares of 512 are a weight of 128');
}

async function hasItsFacts({ agent, ours, vserverId }: Subject): Promise<void> {
  const report = await bootedGuest(agent, 'web');
  assert.equal(report.get('address.0'), '10.9.0.77/24');
  assert.equal(report.get('gateway.0'), '10.9.0.1');
  assert.equal(report.get('user-data-sha256'), sha256(userData));
  assert.equal(report.get('system-data.vserver-id'), vserverId);
  assert.match(report.get('iso.CONTEXT') ?? '', /^\/dev\/xvd[yz]$/);
  assert.match(report.get('iso.cidata') ?? '', /^\/dev\/xvd[yz]$/);
  assert.equal(report.get('context.GUEST_TOKEN'), TOKEN);
  assert.equal(report.get('initial-password'), 'posted');
  const asked = { ...ours, clear: true };
  const { password } = await agent.call<{ password: string }>('getInitialPasswordVServer', asked);
  assert.equal(sha256(password), report.get('initial-password-sha256'));
}

async function takesADisk(subject: Subject): Promise<void> {
  const { agent, ours } = subject;
  await agent.call('createVDisk', { name: 'data', sizeGB: 0.004 });
  await agent.call('attachVDisk', { vdiskId: 'data', ...ours, position: 1 });
  // 4 MB in sectors, whole blocks of 4 KiB.
  await subject.guestSays('cat /sys/block/xvdb/size', /^7816\r?$/m);
  await agent.call('detachVDisk', { vdiskId: 'data' });
  await agent.call('destroyVDisk', { vdiskId: 'data' });
}

async function takesANic(subject: Subject): Promise<void> {
  const { agent, ours } = subject;
  const wanted = { ...ours, vnetId: 'blue', ipv4Address: '10.9.0.78' };
  const { vnicId, mac } = await agent.call<{ vnicId: string; mac: string }>('createVNIC', wanted);
  await subject.guestSays('cat /sys/class/net/eth1/address', new RegExp(`^${mac}\r?$`, 'm'));
  const lease = 'ip link set eth1 up; udhcpc -i eth1 -f -q -n -s /etc/udhcpc.sh; ip -4 addr show eth1';
  await subject.guestSays(lease, /inet 10\.9\.0\.78\/24/);
  await agent.call('destroyVNIC', { vnicId });
}

async function isUnsupported(subject: Subject): Promise<void> {
  const { vdiskId } = await subject.systemDisk();
  const grown = subject.agent.call('resizeVDisk', { vdiskId, sizeGB: 0.2 });
  await assert.rejects(grown, { code: 'unsupported' });
}

async function isHealthy({ agent, configPath }: Subject): Promise<void> {
  const command = new URL('../../agent/cli/main.ts', import.meta.url).pathname;
  const args = [command, '--socket', agent.socket, 'doctor', '--config', configPath];
  let stdout = '';
  // An emulated host may have no time for an answer within the doctor's limits; a fault stays.
  await until(async () => {
    ({ stdout } = await run(process.execPath, args).catch((error: { stdout: string }) => error));
    console.log(stdout.trimEnd().replace(/^/gm, '# '));
    return /^0 faults/m.test(stdout);
  }, 'the doctor finds no fault');
  assert.match(stdout, /virtualization: Xen 4\.\d+\.\d+ runs .*pv.* guests; weights and caps can be set/);
}

export const FIRST_LIFE: Step[] = [
  ["the agent starts in dom0 and reports the hypervisor's memory, not dom0's", starts],
  ['a VServer is made from an image and boots', isMade],
  ['xl list shows it, with the memory, the weight and the cap of its type', isListed],
  ['the guest has its address by DHCP, its user data, its context and its identity', hasItsFacts],
  ['a VDisk is plugged into the running VServer, seen by the guest, and given back', takesADisk],
  ['a VNIC is plugged into the running VServer, gets its address, and is given back', takesANic],
  ['growing its disk online is refused as unsupported', isUnsupported],
  ['the doctor finds a healthy Xen host', isHealthy],
];
