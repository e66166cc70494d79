// The life of VDisks under a real guest: plugged, written, grown, unplugged, restored, made an image.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { testAgent } from '../helpers/agent-process.ts';
import { bootedGuest, registeredImage } from '../helpers/guest-console.ts';
import { GuestShell } from '../helpers/guest-shell.ts';

t.test('VDisks of a running VServer come, grow and go, as its guest sees them', async (t) => {
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
  await shell.told('disk.add', 'vdc', mark);
  t.equal(await shell.run('cat /sys/block/vdc/size'), '32000', 'plugged, with its size');
  await shell.run('printf precious | dd of=/dev/vdc bs=4096 seek=7 conv=fsync 2>/dev/null');

  mark = shell.mark;
  await agent.call('resizeVDisk', { vdiskId: 'data', sizeGB: 0.032768 });
  await shell.told('disk.change', 'vdc', mark);
  t.equal(await shell.run('cat /sys/block/vdc/size'), '64000', 'grown under the guest');

  mark = shell.mark;
  const detached = await agent.call('detachVDisk', { vdiskId: 'data' });
  await shell.told('disk.remove', 'vdc', mark);
  t.match(detached, { state: 'unattached', sizeGB: 0.033 });
});
