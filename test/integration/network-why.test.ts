// `innkeeper vnet show` and `vnic show` tell in plain words why a VServer has no address, for each cause planted here.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { agentGuest, eventually, type Vnic } from '../helpers/agent-guest.ts';
import { testAgent } from '../helpers/agent-process.ts';
import { dhcpMessage, octets } from '../helpers/dhcp-packets.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { send } from '../helpers/network-lab.ts';
import { BROADCAST, ethernet, ipv4, udp } from '../helpers/network-packets.ts';
import { sh } from '../helpers/wires.ts';

const exec = promisify(execFile);
const COMMAND = new URL('../../bin/innkeeper', import.meta.url).pathname;

t.test('an operator is told the cause by the commands that show VNet and VNIC', async (t) => {
  // No reconciling: what is planted has to stay until it was told.
  const agent = await testAgent(t, { libvirtUri: 'test:///default', config: { reconcile_seconds: 3600 } });
  await registeredImage(agent);
  // One address for the gateway, one for a guest.
  await agent.call('createVNet', { name: 'lan', ipv4Subnet: '10.0.0.0/30' });
  const request = { type: 'tiny', imageId: 'guest', vnics: [{ vnetId: 'lan' }] };
  const show = async (...words: string[]) =>
    (await exec(COMMAND, ['--socket', agent.socket, ...words])).stdout;
  t.match(await show('vnet', 'show', 'lan'), /^verdict: +Addresses can be had\./m);

  await agent.call('createVServer', { name: 'web', ...request, boot: false });
  await agent.call('createVNet', { name: 'second' });
  await t.rejects(
    agent.call('createVNIC', { vserverId: 'web', vnetId: 'second' }),
    { code: 'unsupported', message: /not supported by the connection driver/ },
    'a VNIC that cannot be attached is undone, and its cause is told',
  );
  t.equal((await agent.call<unknown[]>('listVNIC')).length, 1);
  await agent.call('startVServer', { vserverId: 'web' });
  const [nic] = await agent.call<[Vnic]>('listVNIC', {});
  const { vnicId, mac, device } = nic;
  /** The sentence stands in what both commands print, and is the first thing said of the VNIC. */
  const told = async (cause: RegExp, what: string) => {
    const [vnet, vnic] = await Promise.all([show('vnet', 'show', 'lan'), show('vnic', 'show', vnicId)]);
    t.match(/^verdict: *(.*)$/m.exec(vnic)?.[1], cause, `${what}: vnic show`);
    t.match(/^ +verdict: *(.*)$/m.exec(vnet)?.[1], cause, `${what}: vnet show`);
  };
  await told(/^No link: there is no device/, 'no link');
  t.match(await show('vnet', 'show', 'lan'), /^verdict: +All addresses are taken/m, 'pool exhausted');
  await t.rejects(agent.call('createVServer', { name: 'more', ...request }), {
    code: 'no-capacity',
    message: 'VNet lan has no free IPv4 address.',
  });

  const guest = await agentGuest(agent, nic);
  t.teardown(guest.remove);
  const from = (packet: Buffer) => ethernet(mac, BROADCAST, 0x0800, packet);
  const everyone = '255.255.255.255';
  // Something else than a request.
  await send(guest.namespace, [from(ipv4(nic.ipv4Address!, everyone, 17, udp(4000, 4001, Buffer.alloc(8))))]);
  await told(/^No DHCP request has been seen/, 'no request seen');

  const elsewhere: [number, number[]][] = [
    [53, [3]],
    [50, octets('192.168.7.7')],
  ];
  await send(guest.namespace, [
    from(ipv4('0.0.0.0', everyone, 17, udp(68, 67, dhcpMessage({ mac }, elsewhere)))),
  ]);
  await eventually('the request is refused', async () =>
    (await show('vnic', 'show', vnicId)).includes('NAKed 1 time'),
  );
  await told(/was never given 10\.0\.0\.2/, 'NAKed');
  t.match(
    await show('vnic', 'show', vnicId),
    /problem: NAKed 1 time.*asked for an address that is not 10\.0\.0\.2/,
  );

  await sh('nft', 'delete', 'element', 'bridge', agent.prefix, 'ports', `{ "${device}" }`);
  await told(/^The rules of .* are missing, so every frame/, 'rule missing');
  t.match(
    JSON.parse(await show('--json', 'vnet', 'show', 'lan')),
    { name: 'lan', freeAddresses: 0, guests: [{ vnicId, verdict: /^The rules of/ }] },
    'programs get it as well',
  );
});
