// Bad input gets one clear error with its code and changes nothing, over the socket and the command line alike.
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { testAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';

const command = new URL('../../bin/innkeeper', import.meta.url).pathname;

t.test('every wrong request is refused with its code, and nothing changes', async (t) => {
  const agent = await testAgent(t, {
    libvirtUri: 'test:///default',
    config: {
      vserver_type: [
        { name: 'tiny', vcpus: 1, memory_mib: 96 },
        { name: 'huge', vcpus: 1, memory_mib: 16_000_000 },
      ],
    },
  });
  await registeredImage(agent);
  await agent.call('createVNet', { name: 'net', ipv4Subnet: '10.9.2.0/30' });
  const sound = { name: 'a', type: 'tiny', imageId: 'guest', vnics: [] };
  await agent.call('createVServer', { ...sound, boot: false });
  const bogus = join(agent.folder, 'bogus.img');
  await writeFile(bogus, 'not an image');
  const before = [
    await agent.call('listVServer'),
    await agent.call('listVNet'),
    await agent.call('listDiskImage'),
  ];
  const files = await agent.leftovers();

  const refused: [string, object, string, RegExp][] = [
    ['createVServer', { ...sound, name: 'b', colour: 'red' }, 'invalid', /colour is not a known field/],
    ['createVServer', { ...sound, name: 7 }, 'invalid', /name/],
    ['createVServer', { ...sound, name: 'a b' }, 'invalid', /name.*Letters, digits/],
    ['createVServer', { type: 'tiny' }, 'invalid', /is missing/],
    ['createVServer', { ...sound, name: 'b', imageId: 'nowhere' }, 'not-found', /no DiskImage nowhere/],
    ['createVServer', { ...sound, name: 'b', type: 'unknown' }, 'not-found', /no VServerType unknown/],
    ['createVServer', { ...sound, name: 'b', vnics: [{ vnetId: 'x' }] }, 'not-found', /no VNet x/],
    ['createVServer', { ...sound, name: 'b', type: 'huge' }, 'no-capacity', /MiB of memory are asked for/],
    ['createVServer', sound, 'conflict', /named a exists already/],
    [
      'createVServer',
      { ...sound, name: 'b', vnics: [{ vnetId: 'net', ipv4Address: '10.8.0.1' }] },
      'invalid',
      /not a host address/,
    ],
    [
      'createVServer',
      { ...sound, name: 'b', vnics: [{ vnetId: 'net', ipv4Address: '10.9.2.1' }] },
      'conflict',
      /already taken/,
    ],
    [
      'createVServer',
      { ...sound, name: 'b', vnics: [{ vnetId: 'net' }, { vnetId: 'net' }] },
      'no-capacity',
      /no free IPv4/,
    ],
    ['stopVServer', { vserverId: 'a' }, 'wrong-state', /is inactive/],
    ['startVServer', { vserverId: 'nobody' }, 'not-found', /no VServer nobody/],
    ['createVNet', { name: 'n', ipv4Subnet: '10.0.0.1/24' }, 'invalid', /did you mean 10\.0\.0\.0\/24/],
    ['createVNet', { name: 'n', ipv4Subnet: '169.254.0.0/16' }, 'invalid', /169\.254/],
    ['createVNet', { name: 'net' }, 'conflict', /exists already/],
    ['registerDiskImage', { name: 'i', uri: 'file:///nowhere/at/all.img' }, 'invalid', /./],
    ['registerDiskImage', { name: 'i', uri: `file://${agent.folder}/missing.img` }, 'not-found', /./],
    ['registerDiskImage', { name: 'i', uri: 'ftp://x/y' }, 'invalid', /uri/],
    ['registerDiskImage', { name: 'i', uri: `file://${bogus}`, format: 'qcow2' }, 'invalid', /./],
    ['unregisterDiskImage', { imageId: 'nowhere' }, 'not-found', /no DiskImage nowhere/],
    ['createVDisk', { name: 'd', sizeGB: 900_000 }, 'no-capacity', /GiB are asked for/],
    ['createVDisk', { name: 'd', sizeGB: -1 }, 'invalid', /sizeGB/],
    ['noSuchMethod', {}, 'not-found', /no method/],
  ];
  for (const [method, params, code, message] of refused) {
    await t.rejects(
      agent.call(method, params),
      { code, message },
      `${method} ${JSON.stringify(params).slice(0, 80)}`,
    );
  }

  const [status, error] = await new Promise<[number, string]>((resolve) => {
    const args = ['--socket', agent.socket, 'vserver', 'start', 'nobody'];
    execFile(command, args, (failure, _stdout, stderr) => resolve([Number(failure?.code ?? 0), stderr]));
  });
  t.equal(status, 1, 'the command fails');
  t.match(error, /not-found: There is no VServer nobody/, 'in the same words');

  const after = [
    await agent.call('listVServer'),
    await agent.call('listVNet'),
    await agent.call('listDiskImage'),
  ];
  t.same(after, before, 'nothing has changed');
  t.same(await agent.leftovers(), files, 'nothing is left');
});
