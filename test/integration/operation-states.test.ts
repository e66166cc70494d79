// Every operation asked for in a state that does not allow it: the code, the states named, and nothing changed.
import t from 'tap';
import { testAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';

type Row = [method: string, params: object, code: string, message: RegExp];

t.test('what a state does not allow is refused in one sentence', async (t) => {
  const agent = await testAgent(t);
  await registeredImage(agent);
  await agent.call('createVNet', { name: 'net', ipv4Subnet: '10.9.3.0/24' });
  const sound = { type: 'tiny', imageId: 'guest', vnics: [{ vnetId: 'net' }] };
  await agent.call('createVServer', { ...sound, name: 'off', boot: false });
  await agent.call('createVServer', { ...sound, name: 'on' });
  for (const name of ['data', 'more']) await agent.call('createVDisk', { name, sizeGB: 0.01 });
  t.match(await agent.call('getVDiskStatus', { vdiskId: 'data' }), { state: 'unattached' });
  const attached = await agent.call('attachVDisk', { vdiskId: 'data', vserverId: 'off' });
  t.match(attached, { state: 'attached', position: 1 });
  t.match(await agent.call('getVDiskStatus', { vdiskId: 'data' }), { state: 'attached', position: 1 });
  const vnic = await agent.call<{ vnicId: string }>('createVNIC', { vserverId: 'off', vnetId: 'net' });
  t.match(await agent.call('getVNICAttributes', { vnicId: vnic.vnicId }), { position: 1, vserverId: /^vs-/ });
  const before = [await agent.call('listVServer'), await agent.call('listVDisk'), await agent.leftovers()];

  const refused: Row[] = [
    ['startVServer', { vserverId: 'on' }, 'wrong-state', /is running; it can be started only when inactive/],
    ['stopVServer', { vserverId: 'off' }, 'wrong-state', /is inactive/],
    ['restartVServer', { vserverId: 'off' }, 'wrong-state', /only when running/],
    ['powerOnVServer', { vserverId: 'on' }, 'wrong-state', /is running/],
    ['pauseVServer', { vserverId: 'off' }, 'wrong-state', /only when running/],
    ['resumeVServer', { vserverId: 'off' }, 'wrong-state', /only when running/],
    ['updateVServer', { vserverId: 'on', type: 'tiny' }, 'wrong-state', /only when inactive/],
    ['attachVDisk', { vdiskId: 'data', vserverId: 'off' }, 'wrong-state', /is attached to VServer/],
    ['attachVDisk', { vdiskId: 'more', vserverId: 'off', position: 1 }, 'conflict', /no free position 1/],
    ['detachVDisk', { vdiskId: 'more' }, 'wrong-state', /is not attached/],
    ['detachVDisk', { vdiskId: 'off-0' }, 'unsupported', /belongs to VServer off/],
    ['destroyVDisk', { vdiskId: 'data' }, 'wrong-state', /detach it first/],
    ['resizeVDisk', { vdiskId: 'data', sizeGB: 0.005 }, 'invalid', /can only grow/],
    ['backupVDisk', { vdiskId: 'data', name: 'more' }, 'conflict', /exists already/],
    [
      'backupVDisk',
      { vdiskId: 'data', name: 'x', track: true },
      'wrong-state',
      /only while its VServer runs/,
    ],
    ['backupVDisk', { vdiskId: 'data', name: 'x', since: 'more' }, 'wrong-state', /no tracked backup/],
    ['restoreVDisk', { vdiskId: 'on-0', backupId: 'more' }, 'wrong-state', /only when that is inactive/],
    ['restoreVDisk', { vdiskId: 'more', backupId: 'off-0' }, 'invalid', /the backup is larger/],
    ['restoreVDisk', { vdiskId: 'data', backupId: 'data' }, 'invalid', /the same VDisk/],
    ['registerDiskImage', { name: 'i', uri: 'vdisk:on-0' }, 'wrong-state', /only when that is inactive/],
    ['registerDiskImage', { name: 'i', uri: 'vdisk:nobody' }, 'not-found', /no VDisk nobody/],
    ['registerDiskImage', { name: 'i', uri: 'vdisk:data', format: 'raw' }, 'invalid', /is qcow2/],
    ['destroyVNet', { vnetId: 'net' }, 'wrong-state', /./],
    ['cancelOperation', { operationId: 'nothing' }, 'not-found', /No operation nothing is running/],
  ];
  for (const [method, params, code, message] of refused) {
    await t.rejects(agent.call(method, params), { code, message }, `${method} ${JSON.stringify(params)}`);
  }
  t.same([await agent.call('listVServer'), await agent.call('listVDisk'), await agent.leftovers()], before);

  t.match(await agent.call('detachVDisk', { vdiskId: 'data' }), { state: 'unattached' });
  t.same(Object.keys(await agent.call('destroyVDisk', { vdiskId: 'data' })), ['vdiskId']);
  const { vnicId } = vnic;
  t.same(await agent.call('destroyVNIC', { vnicId }), { vnicId });
  await t.rejects(agent.call('getVDiskStatus', { vdiskId: 'data' }), { code: 'not-found' });
});
