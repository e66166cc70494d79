// What a VServerType gives a VServer and what it allows: default VDisks and VNICs, and limits to both.
import t from 'tap';
import { testAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';

interface Disk {
  name: string;
  kind: string;
  position?: number;
  sizeGB: number;
}

t.test('a VServer has the VDisks and VNICs of its type, and not more than that allows', async (t) => {
  const type = {
    name: 'full',
    vcpus: 1,
    memory_mib: 96,
    default_vdisks_gb: [0.01, 0.02],
    default_vnets: ['net'],
  };
  const agent = await testAgent(t, { config: { vserver_type: [{ ...type, max_vdisks: 4, max_vnics: 1 }] } });
  await registeredImage(agent);
  await agent.call('createVNet', { name: 'net', ipv4Subnet: '10.9.3.0/24' });
  t.match(await agent.call('listVServerType'), [
    { name: 'full', defaultVDisksGB: [0.01, 0.02], defaultVNets: ['net'], maxVDisks: 4, maxVNICs: 1 },
  ]);
  const bare = await agent.leftovers();

  const one = { vserverId: 'one' };
  const asked = { name: 'one', type: 'full', imageId: 'guest' };
  t.match(await agent.call('createVServer', asked), { state: 'running' });
  const { vdisks, vnics } = await agent.call<{ vdisks: Disk[]; vnics: object[] }>(
    'getVServerAttributes',
    one,
  );
  t.match(
    vdisks.map(({ name, kind, position, sizeGB }) => [name, kind, position, position === 0 ? 0 : sizeGB]),
    [
      ['one-0', 'default', 0, 0],
      ['one-1', 'default', 1, 0.01],
      ['one-2', 'default', 2, 0.02],
    ],
  );
  t.match(vnics, [{ ipv4Address: /^10\.9\.3\./ }], 'and a VNIC where nothing was said of VNICs');

  for (const name of ['a', 'b']) await agent.call('createVDisk', { name, sizeGB: 0.01 });
  await agent.call('attachVDisk', { ...one, vdiskId: 'a' });
  await t.rejects(agent.call('attachVDisk', { ...one, vdiskId: 'b' }), {
    code: 'conflict',
    message: /may have 4 VDisks/,
  });
  await t.rejects(agent.call('createVNIC', { ...one, vnetId: 'net' }), {
    code: 'conflict',
    message: /may have 1 VNICs/,
  });
  await t.rejects(
    agent.call('createVServer', { ...asked, name: 'two', vnics: [{ vnetId: 'net' }, { vnetId: 'net' }] }),
    {
      code: 'conflict',
      message: /may have 1 VNICs, and would have 2/,
    },
  );
  t.same(
    (
      await agent.call<{ vnicIds: string[] }>('createVServer', {
        ...asked,
        name: 'none',
        vnics: [],
        boot: false,
      })
    ).vnicIds,
    [],
    'none if none are asked for',
  );

  for (const vserverId of ['one', 'none']) await agent.call('destroyVServer', { vserverId });
  for (const vdiskId of ['a', 'b']) await agent.call('destroyVDisk', { vdiskId });
  t.same(await agent.leftovers(), bare, 'default VDisks go with it, and optional ones survive');
});
