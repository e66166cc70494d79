// Inside the KVM host: the life of a VServer's disk on an LVM thin pool and on an NFS export, and a server of the latter
// that has gone silent.
import assert from 'node:assert/strict';
import type { GuestShell } from '../../helpers/guest-shell.ts';
import { guestShell, report } from './guest.ts';
import { call, shell, step, until, type VServer } from './host.ts';

/** Where the guest sees its system disk, and a sector of that which is nobody else's. */
const DEVICE = 'vda';
const SECTORS = 65536;
const PLACE = SECTORS - 1;

const write = (guest: GuestShell, text: string) =>
  guest.run(`echo ${text} | dd of=/dev/${DEVICE} bs=512 seek=${PLACE} conv=sync,notrunc,fsync 2>/dev/null`);
const read = (guest: GuestShell) =>
  guest.run(`dd if=/dev/${DEVICE} bs=512 skip=${PLACE} count=1 2>/dev/null | head -n 1`);
const sectors = async (guest: GuestShell) => Number(await guest.run(`cat /sys/block/${DEVICE}/size`));

/** The same on every kind of pool, to a VServer that runs there. */
async function life(pool: string, vserverId: string): Promise<void> {
  const backup = `${vserverId}-backup`;
  const [vdiskId] = (await call<VServer>('getVServerAttributes', { vserverId })).vdiskIds;
  let guest = await guestShell(vserverId);
  await step(`${pool}: the system disk is backed up while the guest has it`, async () => {
    assert.equal(await sectors(guest), SECTORS);
    await write(guest, 'first');
    await call('backupVDisk', { vdiskId, name: backup });
    await write(guest, 'second');
  });
  await step(`${pool}: it grows under the guest`, async () => {
    const mark = guest.mark;
    await call('resizeVDisk', { vdiskId, sizeGB: 0.050331648 });
    await guest.told('disk.change', DEVICE, mark);
    assert.equal(await sectors(guest), 1.5 * SECTORS);
    assert.equal(await read(guest), 'second');
  });
  await step(`${pool}: it is restored while the VServer is off, and boots`, async () => {
    guest.close();
    await call('powerOffVServer', { vserverId });
    await call('restoreVDisk', { vdiskId, backupId: backup });
    await call('powerOnVServer', { vserverId });
    await call('startVServer', { vserverId });
    await report(vserverId);
    guest = await guestShell(vserverId);
    assert.equal(await read(guest), 'first');
    assert.equal(await sectors(guest), 1.5 * SECTORS);
  });
  guest.close();
  await call('destroyVDisk', { vdiskId: backup });
}

/** A server that has gone silent, seen from this host. */
async function silentServer(task: () => Promise<void>): Promise<void> {
  await shell(`nft add table inet silent
    nft 'add chain inet silent out { type filter hook output priority 0; }'
    nft add rule inet silent out tcp dport 2049 drop`);
  try {
    await task();
  } finally {
    await shell('nft delete table inet silent');
  }
}

/** The files of the NFS pool, at the server. */
const exported = () => shell('find /srv/export -type f');

interface Report {
  health: { status: string; warnings: string[] };
  pools: { name: string; unavailable?: string }[];
}
/** What control planes are told of the host. */
const capacity = () => call<Report>('getCapacity');

await life('thin', 'tuned');

await step('nas: a VServer is made there, and boots', async () => {
  const boot = { type: 'plain', imageId: 'guest', vnics: [] };
  await call('createVServer', { name: 'stored', pool: 'nas', ...boot });
  assert.notEqual(await exported(), '');
  await report('stored');
});
await life('nas', 'stored');

await step('nas: while its server is silent, everything else goes on, and the agent reports it', () =>
  silentServer(async () => {
    const stuck = call('createVDisk', { name: 'stuck', sizeGB: 0.004194304, pool: 'nas' });
    const failed = assert.rejects(stuck, /nas/);
    for (const pool of ['default', 'thin']) {
      await call('createVDisk', { name: pool, sizeGB: 0.004194304, pool });
      await call('destroyVDisk', { vdiskId: pool });
    }
    const { state } = await call<VServer>('getVServerAttributes', { vserverId: 'tuned' });
    assert.equal(state, 'running');
    await failed;
    const { health, pools } = await until('the report', async () => {
      const told = await capacity();
      return told.health.status === 'degraded' ? told : undefined;
    });
    assert.match(health.warnings.join(), /storage pool nas .*did not answer within \d+ ms/);
    assert.deepEqual(
      pools.filter((pool) => pool.unavailable).map(({ name }) => name),
      ['nas'],
    );
  }),
);
await step('nas: when its server answers again, so do the pool and the guest', async () => {
  await until('the pool', async () => (await capacity()).health.status === 'ok' || undefined);
  const guest = await guestShell('stored');
  await write(guest, 'third');
  guest.close();
});
await step('nas: destroyed, nothing is left', async () => {
  await call('destroyVServer', { vserverId: 'stored' });
  assert.equal(await exported(), '');
});
