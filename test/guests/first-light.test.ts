// A real guest, end to end: image, network, address, configuration, medium, password, shutdown, nothing left.
import { createHash } from 'node:crypto';
import t from 'tap';
import { testAgent } from '../helpers/agent-process.ts';
import { bootedGuest, registeredImage } from '../helpers/guest-console.ts';
import { statusWhen } from '../helpers/waiting.ts';

t.test('a VServer boots, is told everything, and leaves nothing when it goes', async (t) => {
  const agent = await testAgent(t);
  const image = await registeredImage(agent);
  t.match(image, { state: 'available', format: 'qcow2', checksum: /^sha256:[0-9a-f]{64}$/ });
  const before = await agent.leftovers();

  const vnet = await agent.call<{ vnetId: string }>('createVNet', {
    name: 'blue',
    ipv4Subnet: '10.9.0.0/24',
  });
  const userData = Buffer.from("first\x00line\nwith 'quotes' and ünïcode\n");
  const created = await agent.call<{ vserverId: string; addresses: string[] }>('createVServer', {
    name: 'first',
    type: 'tiny',
    imageId: 'guest',
    vnics: [{ vnetId: 'blue', ipv4Address: '10.9.0.77' }],
    userData: userData.toString('base64'),
    context: ['opennebula', 'nocloud'],
    variables: { GUEST_TOKEN: 'it\'s $HOME `x` "y"' },
  });
  t.match(created, { name: 'first', state: 'running', power: 'on', addresses: ['10.9.0.77'] });

  const report = await bootedGuest(agent, 'first');
  t.equal(report.get('address.0'), '10.9.0.77/24', 'it has the address chosen for it');
  t.equal(report.get('gateway.0'), '10.9.0.1');
  t.equal(
    report.get('user-data-sha256'),
    createHash('sha256').update(userData).digest('hex'),
    'its user data, byte for byte',
  );
  t.equal(report.get('system-data.vserver-id'), created.vserverId);
  t.equal(report.get('system-data.vnics/0/ipv4-address'), '10.9.0.77');
  t.ok(report.get('iso.CONTEXT')?.startsWith('/dev/sr'), 'its kernel mounts the OpenNebula medium');
  t.ok(report.has('iso.cidata'), 'and the NoCloud one');
  t.equal(report.get('context.ETH0_IP'), '10.9.0.77');
  t.equal(report.get('context.GUEST_TOKEN'), 'it\'s $HOME `x` "y"', 'quotes survive the shell');
  t.equal(report.get('initial-password'), 'posted');

  const secret = await agent.call<{ password: string }>('getInitialPasswordVServer', {
    vserverId: 'first',
    clear: true,
  });
  const digest = createHash('sha256').update(secret.password).digest('hex');
  t.equal(digest, report.get('initial-password-sha256'), 'the password is the one the guest made');
  t.notMatch(agent.log, secret.password, 'and is in no log');

  await t.rejects(agent.call('destroyVNet', { vnetId: vnet.vnetId }), { code: 'wrong-state' });
  const stopping = await agent.call('stopVServer', { vserverId: 'first' });
  t.match(stopping, { state: 'stopping' });
  const inactive = await statusWhen(agent, 'first', ({ state }) => state === 'inactive');
  t.match(inactive, { power: 'on', reason: /guest shut down/ });
  await agent.call('startVServer', { vserverId: 'first' });
  t.match(await agent.call('powerOffVServer', { vserverId: 'first' }), { state: 'inactive', power: 'off' });
  await agent.call('destroyVServer', { vserverId: 'first' });
  await agent.call('destroyVNet', { vnetId: 'blue' });
  t.same(await agent.leftovers(), before, 'the host is as it was');
});
