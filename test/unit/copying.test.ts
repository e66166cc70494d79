// While a VDisk is copied, for however long, its VServer obeys; only what would spoil the copy is refused, at once.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { Host, type HostParts } from '../../agent/host.ts';
import { Inventory } from '../../agent/inventory/inventory.ts';
import { OperationEngine } from '../../agent/operations/engine.ts';
import { JournalStore } from '../../agent/operations/journal-store.ts';
import { OPERATIONS } from '../../agent/operations/kinds.ts';
import type { VDisk } from '../../agent/resources/vdisk.ts';
import type { VServer } from '../../agent/resources/vserver.ts';
import { DriverError } from '../../drivers/hypervisor.ts';

const caller = { name: 'test', right: 'administer' } as const;

const vserver = (state: VServer['state']) =>
  ({
    id: 'vs-1',
    name: 'one',
    domain: 'x-vs-1',
    state,
    power: 'on',
    vcpus: 1,
    memoryMiB: 1,
    context: [],
  }) as unknown as VServer;
const vdisk = (id: string, attached: Partial<VDisk>) =>
  ({
    id,
    name: id,
    sizeBytes: 4096,
    kind: 'optional',
    pool: 'p',
    path: `/p/${id}`,
    format: 'qcow2',
    ...attached,
  }) as VDisk;

/** A host with one VServer with the VDisks vd-0 and vd-1, vd-2 beside it, and copies that last until told to end. */
async function hostWith(t: Test, state: VServer['state']) {
  const folder = await mkdtemp(join(tmpdir(), 'ik-copying-'));
  const inventory = await Inventory.open(join(folder, 'db'));
  await inventory.transact((tx) => {
    tx.put('vserver', vserver(state));
    for (const position of [0, 1]) tx.put('vdisk', vdisk(`vd-${position}`, { attachedTo: 'vs-1', position }));
    tx.put('vdisk', vdisk('vd-2', {}));
  });
  const copy = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  let machine = state === 'running' ? 'running' : 'off';
  const lasting = () => {
    began.resolve();
    return copy.promise;
  };
  const hypervisor = {
    connected: true,
    features: { liveBackup: true, diskHotplug: true, save: true, pause: true, onlineResize: true },
    find: async () => ({ state: machine }),
    pause: async () => {},
    attachDisk: async () => {},
    detachDisk: async () => {},
    backupDisk: lasting,
    clearBackup: async () => {},
    async powerOff() {
      machine = 'off';
      copy.reject(new DriverError('wrong-state', 'the machine ended'));
    },
  };
  const made = async (id: string, fill: () => Promise<unknown>) => {
    await fill();
    return { path: `/p/${id}`, format: 'qcow2' };
  };
  const pool = {
    snapshots: false,
    find: async () => ({ sizeBytes: 4096 }),
    create: (id: string) => made(id, lasting),
    createFilled: (id: string, { fill }: { fill: (to: object) => Promise<unknown> }) =>
      made(id, () => fill({ path: `/p/${id}`, format: 'qcow2' })),
    remove: async () => {},
  };
  const config = {
    state_dir: folder,
    prefix: 'x',
    capacity: { host_disk_percent: 1 },
    pool: [{ name: 'p' }],
    vserver_type: [],
  };
  const totals = { pools: new Map([['p', { totalBytes: 1e9, freeBytes: 1e9 }]]) };
  const images = { registerVolume: () => made('i', lasting), remove: async () => {} };
  const parts = {
    inventory,
    hypervisor,
    config,
    totals,
    images,
    pools: new Map([['p', pool]]),
    log: pino({ enabled: false }),
  };
  const host = new Host(parts as unknown as HostParts);
  const kinds = new Map(OPERATIONS.map((kind) => [kind.definition.name, kind]));
  const engine = new OperationEngine(host, kinds, new JournalStore(inventory.database));
  t.teardown(async () => {
    copy.resolve();
    await engine.drain(10_000);
    await inventory.close();
    await rm(folder, { recursive: true });
  });
  const ask = async (kind: string, params: object, requestId?: string) =>
    (await engine.start(kinds.get(kind)!, params, caller, requestId)).done;
  /** Begins a copy and resolves with its outcome-to-be once it is under way. */
  const begin = async (kind: string, params: object) => {
    const done = ask(kind, params, 'the-copy');
    done.catch(() => {});
    await Promise.race([began.promise, done]);
    return { done };
  };
  return { inventory, ask, begin, finish: () => copy.resolve() };
}

const one = { vserverId: 'vs-1' };
const copied = { code: 'wrong-state', message: /vd-0 is being copied by operation the-copy; .* cancel/ };

t.test(
  'a running VServer obeys while a VDisk of it is copied, and its power off ends the copy',
  async (t) => {
    const { ask, begin, inventory } = await hostWith(t, 'running');
    const { done } = await begin('backupVDisk', { vdiskId: 'vd-0', name: 'copy' });
    await ask('pauseVServer', one);
    await ask('attachVDisk', { ...one, vdiskId: 'vd-2' });
    await ask('detachVDisk', { vdiskId: 'vd-1' });
    await t.rejects(ask('saveVServer', one), copied);
    await t.rejects(ask('detachVDisk', { vdiskId: 'vd-0' }), copied);
    await t.rejects(ask('resizeVDisk', { vdiskId: 'vd-0', sizeGB: 1 }), copied);
    t.match(await ask('powerOffVServer', one), { power: 'off' });
    await t.rejects(done, {
      code: 'wrong-state',
      message: /VServer one ended while VDisk vd-0 was copied; ask for the backup again/,
    });
    t.same(
      inventory.list('vdisk').map(({ name }) => name),
      ['vd-0', 'vd-1', 'vd-2'],
      'no half copy stays',
    );
    t.notOk(inventory.get('vdisk', 'vd-0')?.copying);
  },
);

for (const [kind, params] of [
  ['backupVDisk', { vdiskId: 'vd-0', name: 'copy' }],
  ['registerDiskImage', { uri: 'vdisk:vd-0', name: 'copy' }],
] as const) {
  t.test(
    `while ${kind} copies a VDisk of an inactive VServer, that obeys but cannot be started`,
    async (t) => {
      const { ask, begin, finish, inventory } = await hostWith(t, 'inactive');
      const { done } = await begin(kind, params);
      await t.rejects(ask('startVServer', one), copied);
      await t.rejects(ask('destroyVServer', one), copied);
      await t.rejects(ask('restoreVDisk', { vdiskId: 'vd-0', backupId: 'vd-2' }), copied);
      await ask('attachVDisk', { ...one, vdiskId: 'vd-2' });
      finish();
      await done;
      t.notOk(inventory.get('vdisk', 'vd-0')?.copying);
      t.match(await ask('powerOffVServer', one), { power: 'off' });
    },
  );
}
