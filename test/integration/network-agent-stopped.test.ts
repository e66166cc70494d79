// Guests are held to their own addresses while no agent runs: the rules are the kernel's.
import t from 'tap';
import { vnetNames } from '../../agent/network/mod.ts';
import { agentGuest, type Vnic } from '../helpers/agent-guest.ts';
import { testAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { lawful, type Party, spoofs } from '../helpers/network-attempts.ts';
import { addStation, removeStations } from '../helpers/network-lab.ts';
import { endFrom, observe, type Place } from '../helpers/network-observe.ts';

t.test('with the agent killed, no attack gets through and everything lawful does', async (t) => {
  const agent = await testAgent(t, { libvirtUri: 'test:///default' });
  await registeredImage(agent);
  const vnet = await agent.call<{ vnetId: string; bridge: string; namespace: string }>('createVNet', {
    name: 'lan',
    ipv4Subnet: '10.0.0.0/24',
    ipv6Subnet: 'fd12:1::/64',
  });
  const guests = [];
  for (const name of ['alice', 'bob']) {
    const request = { name, type: 'tiny', imageId: 'guest', vnics: [{ vnetId: 'lan' }] };
    await agent.call('createVServer', request);
    const [vnic] = await agent.call<[Vnic]>('listVNIC', { vserverId: name });
    const guest = await agentGuest(agent, vnic);
    t.teardown(guest.remove);
    guests.push({ ...guest, ipv4: vnic.ipv4Address!, ipv6: vnic.ipv6Address! });
  }
  const [alice, bob] = guests as [(typeof guests)[0], (typeof guests)[0]];
  const gateway: Party = {
    mac: vnetNames(agent.prefix, vnet.vnetId).gatewayMac,
    ipv4: '10.0.0.1',
    ipv6: 'fd12:1::1',
  };
  // A port without rules sees whatever the bridge floods.
  const watcher = {
    namespace: `${agent.prefix}g-watch`,
    port: `${agent.prefix}w1`,
    mac: '52:54:00:00:00:0d',
  };
  await addStation(vnet.bridge, watcher);
  t.teardown(() => removeStations([watcher]));
  const places: Place[] = [
    ['watcher', watcher.namespace, 'eth0'],
    ['neighbour', bob.namespace, 'eth0'],
    ['gateway', vnet.namespace, 'vnet0'],
  ];

  await agent.kill();
  const end = endFrom(alice.mac, alice.ipv4);
  const attempts = spoofs(alice, bob, gateway);
  const leaks = await observe(alice, attempts, places, end);
  for (const { name } of attempts) t.same(leaks.get(name), [], name);
  t.comment(
    `attempts ${attempts.length}, leaks ${[...leaks.values()].filter((seen) => seen.length > 0).length}`,
  );

  const rights = lawful(alice, gateway);
  const seen = await observe(alice, rights, places, end);
  for (const { name } of rights) t.same(seen.get(name), ['watcher', 'neighbour', 'gateway'], name);
});
