// For each kind of operation: what must be there before it, how it is asked for, what must hold afterwards.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { TestAgent } from '../helpers/agent-process.ts';
import { bootedGuest } from '../helpers/guest-console.ts';

export interface Scenario {
  /** Makes what the operation needs; in place already are the images `guest` and `idle` and the VNet `net`. */
  before?(agent: TestAgent): Promise<unknown>;
  /** Instead of that where it will be taken back: a device leaves a running machine only if its guest lets go. */
  beforeUndo?(agent: TestAgent): Promise<unknown>;
  params: object;
  /** Set where a request that failed cannot simply be made again: what it leaves is not what it began with. */
  failsForGood?: true;
  /** Set where a request that failed may have come half-way, and asking again goes on from there. */
  leavesHalf?: true;
  /** Set where it needs something that a host has only once: a tunnel's number, an address of the provider's. */
  alone?: true;
  /** Looks at the host after the operation was interrupted, carried on, and asked for again. */
  after(agent: TestAgent, t: Test, result: Record<string, unknown>): Promise<void>;
}

const asleep = { name: 'one', type: 'tiny', imageId: 'idle', vnics: [{ vnetId: 'net' }], boot: false };
const one = { vserverId: 'one' };
const disk = { vdiskId: 'disk' };

const inactive = (agent: TestAgent) => agent.call('createVServer', asleep);
const running = (agent: TestAgent) => agent.call('createVServer', { ...asleep, boot: true });
const booted = async (agent: TestAgent) => {
  await agent.call('createVServer', { ...asleep, imageId: 'guest', boot: true });
  await bootedGuest(agent, 'one');
};
/** A segment of this process, so that sweeps beside each other never meet. */
const vxlan = (peers: string[]) => ({
  ...{ type: 'vxlan', vni: process.pid, local: '127.0.0.1', port: 40_000 + (process.pid % 20_000) },
  peers,
});
const address = { address: '198.18.255.130' };
const publicIp = { publicIpId: address.address };
/** The VServer's VNIC has a PublicIP. */
const lent = async (agent: TestAgent) => {
  await agent.call('allocatePublicIP', address);
  const [vnic] = await agent.call<[{ vnicId: string }]>('listVNIC');
  await agent.call('attachPublicIP', { ...publicIp, vnicId: vnic.vnicId });
};
const blank = (agent: TestAgent) => agent.call('createVDisk', { name: 'disk', sizeGB: 0.01 });
const both =
  (...steps: ((agent: TestAgent) => Promise<unknown>)[]) =>
  async (agent: TestAgent) => {
    for (const step of steps) await step(agent);
  };

/** The VServer `one` has this state, and there is only one VServer. */
function vserverIs(expected: object): Scenario['after'] {
  return async (agent, t) => {
    const all = await agent.call<unknown>('listVServer');
    t.match(all, [expected]);
    t.equal((all as unknown[]).length, 1);
  };
}

/** The list has exactly these, in any order, by name. */
function namesAre(method: string, names: string[]): Scenario['after'] {
  return async (agent, t) => {
    const all = await agent.call<{ name: string }[]>(method);
    t.same(all.map(({ name }) => name).sort(), names);
  };
}

/** The one PublicIP is in this state, and so is the host: the leg is there only with an address attached. */
function publicIpIs(state: string): Scenario['after'] {
  return async (agent, t) => {
    t.match(await agent.call('listPublicIP'), [{ state }]);
    const legs = (await agent.leftovers()).filter((name) => name.startsWith(`${agent.prefix}i`));
    t.equal(legs.length, state === 'attached' ? 2 : 0, 'the leg, and the bridge it is in');
  };
}

/** The disk is attached to a running VServer, whose machine will have to be told. */
const inUse = both(blank, running, (agent) => agent.call('attachVDisk', { ...disk, ...one }));

/** Slow operations in which libvirtd has a part, and what is different from the scenarios below. */
export const WITHOUT_LIBVIRTD: Record<string, Partial<Scenario>> = {
  createVServer: {},
  destroyVServer: {},
  startVServer: {},
  powerResetVServer: {},
  saveVServer: {},
  restoreVServer: {},
  attachVDisk: {},
  createVNIC: {},
  restoreVDisk: {
    before: both(
      blank,
      inactive,
      (agent) => agent.call('backupVDisk', { ...disk, name: 'copy' }),
      (agent) => agent.call('attachVDisk', { ...disk, ...one }),
    ),
    async after(agent, t) {
      t.match(await agent.call('getVDiskAttributes', disk), { state: 'attached' });
      await agent.call('detachVDisk', disk);
    },
  },
  resizeVDisk: {
    before: inUse,
    async after(agent, t) {
      t.match(await agent.call('getVDiskAttributes', disk), { sizeGB: 0.02 });
      await agent.call('powerOffVServer', one);
    },
  },
  backupVDisk: {
    before: inUse,
    params: { ...disk, name: 'copy', bytesPerSecond: 8_000_000 },
    async after(agent, t) {
      t.match(await agent.call('getVDiskAttributes', { vdiskId: 'copy' }), {
        state: 'unattached',
        sizeGB: 0.01,
      });
      await agent.call('powerOffVServer', one);
    },
  },
  registerDiskImage: {
    before: inactive,
    params: { name: 'second', uri: 'vdisk:one-0' },
  },
};

export const SCENARIOS: Record<string, Scenario> = {
  createVServer: { params: { ...asleep, boot: true }, after: vserverIs({ name: 'one', state: 'running' }) },
  destroyVServer: {
    alone: true,
    before: both(running, lent),
    params: one,
    async after(agent, t, result) {
      await namesAre('listVServer', [])(agent, t, result);
      await publicIpIs('unattached')(agent, t, result);
    },
  },
  startVServer: { before: inactive, params: one, after: vserverIs({ state: 'running' }) },
  stopVServer: {
    before: running,
    params: one,
    async after(agent, t, result) {
      t.match(result, { state: 'stopping' });
      await agent.call('powerOffVServer', one);
    },
  },
  // A guest that was asked to shut down stays `stopping` until it does.
  restartVServer: {
    before: booted,
    params: one,
    failsForGood: true,
    after: vserverIs({ state: 'running', reason: /restart/ }),
  },
  powerOnVServer: {
    before: both(inactive, (agent) => agent.call('powerOffVServer', one)),
    params: one,
    after: vserverIs({ state: 'inactive', power: 'on' }),
  },
  powerOffVServer: { before: running, params: one, after: vserverIs({ state: 'inactive', power: 'off' }) },
  powerResetVServer: { before: running, params: one, after: vserverIs({ state: 'running', power: 'on' }) },
  pauseVServer: { before: running, params: one, after: vserverIs({ state: 'running', condition: 'paused' }) },
  resumeVServer: {
    before: both(running, (agent) => agent.call('pauseVServer', one)),
    params: one,
    async after(agent, t) {
      await vserverIs({ state: 'running' })(agent, t, {});
      t.notOk((await agent.call<{ condition?: string }>('getVServerStatus', one)).condition);
    },
  },
  saveVServer: { before: running, params: one, after: vserverIs({ state: 'inactive', condition: 'saved' }) },
  restoreVServer: {
    before: both(running, (agent) => agent.call('saveVServer', one)),
    params: one,
    after: vserverIs({ state: 'running' }),
  },
  updateVServer: {
    before: inactive,
    params: { ...one, type: 'larger', autostart: false, hostname: 'renamed' },
    async after(agent, t) {
      await vserverIs({ vserverType: 'larger', autostart: false, hostname: 'renamed' })(agent, t, {});
      const media = join(agent.stateDir, 'media');
      for (const name of await readdir(media)) {
        t.match(await readFile(join(media, name), 'latin1'), "SET_HOSTNAME='renamed'", name);
      }
    },
  },
  createVDisk: { params: { name: 'disk', sizeGB: 0.01 }, after: namesAre('listVDisk', ['disk']) },
  destroyVDisk: { before: blank, params: disk, after: namesAre('listVDisk', []) },
  attachVDisk: {
    before: both(blank, running),
    beforeUndo: both(blank, booted),
    params: { ...disk, ...one },
    async after(agent, t, result) {
      t.match(result, { state: 'attached', position: 1 });
      await agent.call('powerOffVServer', one);
    },
  },
  detachVDisk: {
    before: both(blank, inactive, (agent) => agent.call('attachVDisk', { ...disk, ...one })),
    params: disk,
    async after(agent, t) {
      t.match(await agent.call('getVDiskAttributes', disk), { state: 'unattached' });
    },
  },
  resizeVDisk: {
    before: blank,
    params: { ...disk, sizeGB: 0.02 },
    async after(agent, t) {
      t.match(await agent.call('getVDiskAttributes', disk), { sizeGB: 0.02 });
    },
  },
  backupVDisk: {
    before: blank,
    params: { ...disk, name: 'copy' },
    after: namesAre('listVDisk', ['copy', 'disk']),
  },
  restoreVDisk: {
    before: both(blank, (agent) => agent.call('backupVDisk', { ...disk, name: 'copy' })),
    params: { ...disk, backupId: 'copy' },
    after: namesAre('listVDisk', ['copy', 'disk']),
  },
  createVNet: {
    params: { name: 'other', ipv4Subnet: '10.9.5.0/24' },
    after: namesAre('listVNet', ['net', 'other']),
  },
  destroyVNet: {
    before: (agent) => agent.call('createVNet', { name: 'other', ipv4Subnet: '10.9.5.0/24' }),
    params: { vnetId: 'other' },
    after: namesAre('listVNet', ['net']),
  },
  updateVNet: {
    alone: true,
    before: (agent) => agent.call('createVNet', { name: 'other', transport: vxlan(['127.0.0.2']) }),
    params: { vnetId: 'other', peers: ['127.0.0.3'] },
    async after(agent, t) {
      const { transport } = await agent.call('getVNetAttributes', { vnetId: 'other' });
      t.match(transport, { peers: ['127.0.0.3'] });
    },
  },
  createVNIC: {
    before: running,
    beforeUndo: booted,
    params: { ...one, vnetId: 'net' },
    async after(agent, t, result) {
      t.match(result, { position: 1 });
      t.equal((await agent.call<unknown[]>('listVNIC')).length, 2);
    },
  },
  updateVNIC: {
    before: running,
    params: { vnicId: 'the first', securityList: [{ direction: 'out', protocol: 'any' }] },
    async after(agent, t) {
      t.match(await agent.call('listVNIC'), [{ securityList: [{ direction: 'out', protocol: 'any' }] }]);
    },
  },
  destroyVNIC: {
    alone: true,
    before: both(inactive, lent),
    params: { vnicId: 'the first' },
    async after(agent, t, result) {
      t.same(await agent.call('listVNIC'), []);
      await publicIpIs('unattached')(agent, t, result);
    },
  },
  allocatePublicIP: {
    alone: true,
    params: {},
    async after(agent, t, result) {
      t.same(await agent.call('listPublicIP'), [result]);
    },
  },
  freePublicIP: {
    alone: true,
    before: (agent) => agent.call('allocatePublicIP', address),
    params: publicIp,
    async after(agent, t) {
      t.same(await agent.call('listPublicIP'), []);
    },
  },
  attachPublicIP: {
    alone: true,
    before: both(inactive, (agent) => agent.call('allocatePublicIP', address)),
    params: { ...publicIp, vnicId: 'the first' },
    after: publicIpIs('attached'),
  },
  detachPublicIP: {
    alone: true,
    leavesHalf: true,
    before: both(inactive, lent),
    params: publicIp,
    after: publicIpIs('unattached'),
  },
  registerDiskImage: {
    params: { name: 'second', uri: 'the guest image' },
    after: namesAre('listDiskImage', ['guest', 'idle', 'second']),
  },
  unregisterDiskImage: {
    before: (agent) => agent.call('registerDiskImage', { name: 'second', uri: agent.guestImageUri }),
    params: { imageId: 'second' },
    after: namesAre('listDiskImage', ['guest', 'idle']),
  },
};
