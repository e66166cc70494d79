// libvirtd goes and comes back under a running VServer: the agent reconnects, its events go on, the guest runs on.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { testAgent } from '../helpers/agent-process.ts';
import { bootedGuest, registeredImage } from '../helpers/guest-console.ts';
import { statusWhen } from '../helpers/waiting.ts';
import { systemLibvirtd } from '../support/system-libvirtd.ts';

const run = promisify(execFile);

t.test('a guest does not notice that libvirtd was killed, and the agent misses nothing', async (t) => {
  const libvirtd = await systemLibvirtd(t);
  const agent = await testAgent(t, { libvirtUri: libvirtd.uri });
  await registeredImage(agent);
  await agent.call('createVNet', { name: 'net', ipv4Subnet: '10.9.3.0/24' });
  await agent.call('createVServer', {
    name: 'one',
    type: 'tiny',
    imageId: 'guest',
    vnics: [{ vnetId: 'net' }],
  });
  const before = await bootedGuest(agent, 'one');

  await libvirtd.kill();
  const away = await statusWhen(agent, 'one', ({ condition }) => condition === 'unknown');
  t.match(away, { state: 'running', condition: 'unknown' }, 'nobody knows, so nobody claims');
  const late = agent.call('createVServer', { name: 'two', type: 'tiny', imageId: 'guest', vnics: [] });
  await libvirtd.start();
  t.match(await late, { name: 'two', state: 'running' }, 'what was asked meanwhile is done');
  const back = await statusWhen(agent, 'one', ({ condition }) => condition === undefined);
  t.match(back, { state: 'running' }, 'the guest has run on');
  t.equal((await bootedGuest(agent, 'one')).get('ready'), before.get('ready'), 'and was not booted anew');

  await agent.call('stopVServer', { vserverId: 'one' });
  const down = await statusWhen(agent, 'one', ({ state }) => state === 'inactive');
  t.match(down, { reason: /guest shut down/ }, 'its end is seen by an event of the new connection');
});

t.test('what happens while the agent is away is found when it comes back', async (t) => {
  const libvirtd = await systemLibvirtd(t);
  const agent = await testAgent(t, { libvirtUri: libvirtd.uri });
  await registeredImage(agent);
  const { vserverId } = await agent.call<{ vserverId: string }>('createVServer', {
    name: 'one',
    type: 'tiny',
    imageId: 'guest',
    vnics: [],
  });
  await agent.kill();
  await run('virsh', ['-c', libvirtd.uri, 'destroy', `${agent.prefix}-${vserverId}`]);
  await agent.start();
  const found = await statusWhen(agent, 'one', ({ state }) => state === 'inactive');
  t.match(found, { power: 'on', reason: /destroyed|found off/ });
});
