// IPv6 through the whole agent: subnets, addresses, advertisements, DHCPv6 and the metadata service.
import { readdir, readFile } from 'node:fs/promises';
import t from 'tap';
import { agentGuest, eventually, type Vnic } from '../helpers/agent-guest.ts';
import { testAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { networkd } from '../helpers/real-clients.ts';

interface VNet {
  vnetId: string;
  ipv4?: { network: string };
  ipv6?: { network: string; prefixLength: number; gateway: string };
  freeAddresses: number;
}

t.test('a guest gets the IPv6 address of its VNIC, and its user data over IPv6', async (t) => {
  const agent = await testAgent(t, {
    libvirtUri: 'test:///default',
    config: { network: { dns_servers: ['2001:db8::53'], search_domains: ['example.org'] } },
  });
  await registeredImage(agent);
  const both = await agent.call<VNet>('createVNet', { name: 'both', ipv6Subnet: 'allocate' });
  t.match(both.ipv6, { network: /^fd[0-9a-f:]+:1::$/, prefixLength: 64, gateway: /:1::1$/ });
  t.match(both.ipv4, { network: '10.64.0.0' }, 'beside an allocated IPv4 subnet');
  const only = await agent.call<VNet>('createVNet', {
    name: 'only',
    ipv4Subnet: 'none',
    ipv6Subnet: '2001:DB8:0:5::/64',
  });
  t.match(only.ipv6, { network: '2001:db8:0:5::', gateway: '2001:db8:0:5::1' });
  t.notOk(only.ipv4, 'a VNet need not have IPv4');
  t.ok(only.freeAddresses > 2 ** 40, 'and has room');

  const refused: [string, object, string][] = [
    ['createVNet', { name: 'x', ipv4Subnet: 'none' }, 'invalid'],
    ['createVNet', { name: 'x', ipv6Subnet: 'fe80::/64' }, 'invalid'],
    ['createVNet', { name: 'x', ipv6Subnet: 'fd00:1::/64', mtu: 1279 }, 'invalid'],
  ];
  for (const [method, params, code] of refused)
    await t.rejects(agent.call(method, params), { code }, JSON.stringify(params));

  const server = { type: 'tiny', imageId: 'guest', userData: Buffer.from('over six').toString('base64') };
  await agent.call('createVServer', {
    ...server,
    name: 'one',
    boot: false,
    vnics: [{ vnetId: 'both' }, { vnetId: 'only', ipv6Address: '2001:db8:0:5:0:0:0:77' }],
  });
  const [nic, chosen] = await agent.call<[Vnic, Vnic]>('listVNIC', { vserverId: 'one' });
  t.equal(nic.ipv6Address, both.ipv6?.gateway.replace(/1$/, '2'), 'the lowest free address');
  t.equal(chosen.ipv6Address, '2001:db8:0:5::77', 'the chosen one, in its canonical form');
  t.notOk(chosen.ipv4Address);
  const more = { vserverId: 'one', vnetId: 'only' };
  await t.rejects(agent.call('createVNIC', { ...more, ipv6Address: '2001:db8:0:5::77' }), {
    code: 'conflict',
  });
  await t.rejects(agent.call('createVNIC', { ...more, ipv6Address: '2001:db8:0:6::1' }), { code: 'invalid' });
  await t.rejects(agent.call('createVNIC', { ...more, ipv4Address: '10.0.0.1' }), { code: 'invalid' });

  await agent.call('startVServer', { vserverId: 'one' });
  const files = t.testdir({ nic: {}, chosen: {} });
  for (const [name, vnic] of Object.entries({ nic, chosen })) {
    const guest = await agentGuest(agent, vnic);
    t.teardown(guest.remove);
    const client = networkd(guest.namespace, `${files}/${name}`);
    t.teardown(client.stop);
    const address = vnic.ipv6Address!;
    const has = async (text: string) => (await guest.inside('ip', 'address', 'show', 'eth0')).includes(text);
    await eventually(`${address}\n${client.said()}`, () => has(` ${address}/128 `));
    t.pass(`${name}: systemd-networkd has ${address}`);
    const data = ['curl', '-sS', '--max-time', '20', 'http://[fd00:ec2::254]/user-data'];
    t.equal(await guest.inside(...data), 'over six', `${name}: its user data over IPv6`);
  }
});

t.test('advertisements go on after their sender was killed, and after the agent was', async (t) => {
  const agent = await testAgent(t, { libvirtUri: 'test:///default' });
  await registeredImage(agent);
  await agent.call('createVNet', { name: 'six', ipv4Subnet: 'none', ipv6Subnet: 'allocate' });
  await agent.call('createVServer', {
    name: 'one',
    type: 'tiny',
    imageId: 'guest',
    vnics: [{ vnetId: 'six' }],
  });
  const [nic] = await agent.call<[Vnic]>('listVNIC', {});
  const guest = await agentGuest(agent, nic);
  t.teardown(guest.remove);
  // The kernel asks for routers whenever the link comes up.
  const learnsRouter = async () => {
    await guest.inside('ip', 'link', 'set', 'eth0', 'down');
    await guest.inside('ip', 'link', 'set', 'eth0', 'up');
    await eventually('a default route', async () =>
      (await guest.inside('ip', '-6', 'route', 'show', 'default')).includes('proto ra'),
    );
  };
  await learnsRouter();
  const sender = async () => {
    for (const pid of await readdir('/proc')) {
      const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      if (status.includes('(perl)') && status.split(') ')[1]?.split(' ')[1] === String(agent.pid))
        return Number(pid);
    }
    return undefined;
  };
  const before = await sender();
  t.ok(before, 'one process sends them');
  process.kill(before!, 'SIGKILL');
  await eventually('another sender', async () => ![undefined, before].includes(await sender()));
  await learnsRouter();
  t.pass('another one has taken over');

  await agent.kill();
  await agent.start();
  await learnsRouter();
  t.pass('and after a restart of the agent');
});
