// The life of VDisks under a real guest: plugged, grown and unplugged; made an image; restored.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { testAgent } from '../helpers/agent-process.ts';
import { bootedGuest, registeredImage } from '../helpers/guest-console.ts';
import { GuestShell } from '../helpers/guest-shell.ts';

t.test('VDisks come, grow and go as their guest sees it, and become images', async (t) => {
  const agent = await testAgent(t);
  const image = await registeredImage(agent);
  await agent.call('createVServer', { name: 'one', type: 'tiny', imageId: 'guest', vnics: [] });
  await bootedGuest(agent, 'one');
  const shell = await GuestShell.open(agent, 'one');
  t.teardown(() => shell.close());

  const kept = await stat(join(agent.stateDir, 'images', `${image.diskImageId}.qcow2`));
  t.same([kept.uid, kept.mode & 0o777], [0, 0o444], "the registered image is not given to QEMU's user");

  let mark = shell.mark;
  await agent.call('createVDisk', { name: 'data', sizeGB: 0.016384 });
  await agent.call('attachVDisk', { vdiskId: 'data', vserverId: 'one' });
  await shell.told('disk.add', 'vdb', mark);
  t.equal(await shell.run('cat /sys/block/vdb/size'), '32000', 'plugged, with its size');

  mark = shell.mark;
  await agent.call('resizeVDisk', { vdiskId: 'data', sizeGB: 0.032768 });
  await shell.told('disk.change', 'vdb', mark);
  t.equal(await shell.run('cat /sys/block/vdb/size'), '64000', 'grown under the guest');

  mark = shell.mark;
  const detached = await agent.call('detachVDisk', { vdiskId: 'data' });
  await shell.told('disk.remove', 'vdb', mark);
  t.match(detached, { state: 'unattached', sizeGB: 0.033 });

  await t.rejects(agent.call('registerDiskImage', { name: 'made', uri: 'vdisk:one-0' }), {
    code: 'wrong-state',
  });
  await t.rejects(agent.call('restoreVDisk', { vdiskId: 'one-0', backupId: 'data' }), {
    code: 'wrong-state',
  });
  await agent.call('powerOffVServer', { vserverId: 'one' });
  const made = await agent.call('registerDiskImage', { name: 'made', uri: 'vdisk:one-0', osType: 'linux' });
  t.match(made, { state: 'available', format: 'qcow2', uri: /^vdisk:vd-/, osType: 'linux' });

  const root = await agent.call('backupVDisk', { vdiskId: 'one-0', name: 'root' });
  t.match(root, { state: 'unattached', backupSrcVDisk: /^vd-/ });
  await agent.call('createVServer', { name: 'two', type: 'tiny', imageId: 'made', vnics: [], boot: false });
  await agent.call('restoreVDisk', { vdiskId: 'two-0', backupId: 'root' });
  await agent.call('createVServer', { name: 'three', type: 'tiny', imageId: 'made', vnics: [], boot: false });
  await agent.call('unregisterDiskImage', { imageId: 'made' });
  await agent.call('startVServer', { vserverId: 'three' });
  t.match(await agent.call('startVServer', { vserverId: 'two' }), { state: 'running' });
  t.ok(
    await bootedGuest(agent, 'three'),
    'an image made from a VDisk boots, although it has been unregistered since',
  );
  t.ok(await bootedGuest(agent, 'two'), 'and so does a restored VDisk, whose overlay became a copy');
});
