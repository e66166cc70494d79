// A real guest attacks its neighbours, gateway, host and another VNet with crafted frames, with the agent and without.
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { vnetNames } from '../../agent/network/mod.ts';
import { testAgent } from '../helpers/agent-process.ts';
import { frameSender } from '../helpers/frame-sender.ts';
import { bootedGuest, registeredImage } from '../helpers/guest-console.ts';
import { GuestShell } from '../helpers/guest-shell.ts';
import { type Attempt, crossings, lawful, type Party, spoofs } from '../helpers/network-attempts.ts';
import { addStation, capture, removeStations } from '../helpers/network-lab.ts';
import { END, endFrom, type Place } from '../helpers/network-observe.ts';
import { BROADCAST, ethernet, ipv4, udp } from '../helpers/network-packets.ts';

const BEGIN = Buffer.from('ik-begin-of-sending');
const TRIES = 30;

interface Made {
  vnetId: string;
  bridge: string;
  namespace: string;
}

/**
 * Looks until a whole round of the guest's has been seen at the first place, and tells where else each frame was. The
 * other places end with it: nothing that is sent may reach them, the last frame included.
 */
async function oneRound(
  attempts: Attempt[],
  first: Place[],
  others: Place[],
): Promise<Map<string, string[]>> {
  for (let tries = 0; tries < TRIES; tries++) {
    const places = [...first, ...others];
    const captures = await Promise.all(
      places.map(([, namespace, device]) => capture(namespace, device, END)),
    );
    const seen = await Promise.all(captures.map(({ frames }) => frames));
    const whole = first.every((_, at) => {
      const begin = seen[at]!.findIndex((frame) => frame.includes(BEGIN));
      return begin >= 0 && seen[at]!.slice(begin).some((frame) => frame.includes(END));
    });
    if (!whole) continue;
    return new Map(
      attempts.map(({ name, marker }) => [
        name,
        places.filter((_, at) => seen[at]!.some((frame) => frame.includes(marker))).map(([place]) => place),
      ]),
    );
  }
  throw new Error('no whole round of the guest was seen');
}

t.test('no crafted frame of a real guest gets anywhere', async (t) => {
  const agent = await testAgent(t);
  await registeredImage(agent);
  const subnets = { ipv4Subnet: '10.0.0.0/24', ipv6Subnet: 'fd12:1::/64' };
  const lan = await agent.call<Made>('createVNet', { name: 'lan', ...subnets });
  const twin = await agent.call<Made>('createVNet', { name: 'twin', ...subnets });
  const party = async (name: string, vnet: string, boot: boolean): Promise<Party> => {
    const request = { name, type: 'tiny', imageId: 'guest', vnics: [{ vnetId: vnet }], boot };
    await agent.call('createVServer', request);
    const [nic] = await agent.call<[{ mac: string; ipv4Address: string; ipv6Address: string }]>('listVNIC', {
      vserverId: name,
    });
    return { mac: nic.mac, ipv4: nic.ipv4Address, ipv6: nic.ipv6Address };
  };
  const mallory = await party('mallory', 'lan', true);
  // Of these only the addresses are needed.
  const alice = await party('alice', 'lan', false);
  const foreign = await party('foreign', 'twin', false);
  const names = vnetNames(agent.prefix, lan.vnetId);
  const gateway: Party = { mac: names.gatewayMac, ipv4: '10.0.0.1', ipv6: 'fd12:1::1' };
  // Ports without rules, which see whatever their bridges flood.
  const watch = (number: number) => ({
    namespace: `${agent.prefix}g-watch${number}`,
    port: `${agent.prefix}w${number}`,
    mac: `52:54:00:00:00:0${number}`,
  });
  const [near, far] = [watch(1), watch(2)];
  t.teardown(() => removeStations([near, far]));
  await addStation(lan.bridge, near);
  await addStation(twin.bridge, far);
  await bootedGuest(agent, 'mallory');

  const attacks = spoofs(mallory, alice, gateway);
  const across = crossings(mallory, foreign, names.bridgeMac);
  const rights = lawful(mallory, gateway);
  // The same markers in three lists would not tell which frame was seen.
  const numbered = [...attacks, ...across, ...rights].map((attempt, at) => {
    const marker = Buffer.from(`ik-guests-${String(at).padStart(6, '0')}`);
    const place = attempt.frame.indexOf(attempt.marker);
    marker.copy(attempt.frame, place);
    return { ...attempt, marker };
  });
  const [first, second] = [attacks.length, attacks.length + across.length];
  const begin = ethernet(
    mallory.mac,
    BROADCAST,
    0x0800,
    ipv4(mallory.ipv4, '255.255.255.255', 17, udp(4000, 4001, BEGIN)),
  );
  const frames = [begin, ...numbered.map(({ frame }) => frame), endFrom(mallory.mac, mallory.ipv4)];

  const shell = await GuestShell.open(agent, 'mallory');
  const index = Number(await shell.run('cat /sys/class/net/eth0/ifindex'));
  const packed = gzipSync(frameSender(index, frames)).toString('base64');
  // A terminal takes lines of a few thousand characters.
  for (const line of packed.match(/.{1,800}/g)!) await shell.run(`echo ${line} >>/tmp/sender.b64`);
  await shell.run('base64 -d /tmp/sender.b64 | gunzip >/tmp/sender && chmod +x /tmp/sender && /tmp/sender');
  await shell.run('{ (while :; do /tmp/sender; sleep 1; done) </dev/null >/dev/null 2>&1 & }');
  shell.close();

  const inside: Place[] = [
    ['watcher', near.namespace, 'eth0'],
    ['gateway', lan.namespace, 'vnet0'],
  ];
  const outside: Place[] = [
    ['another VNet', far.namespace, 'eth0'],
    ['another gateway', twin.namespace, 'vnet0'],
    ['host', undefined, lan.bridge],
  ];
  for (const when of ['the agent runs', 'the agent is killed']) {
    if (when === 'the agent is killed') await agent.kill();
    const seen = await oneRound(numbered, inside, outside);
    const leaks = numbered.slice(0, first).filter(({ name }) => seen.get(name)!.length > 0);
    for (const { name } of numbered.slice(0, first)) t.same(seen.get(name), [], `${when}: ${name}`);
    for (const { name } of numbered.slice(first, second)) {
      const beyond = seen.get(name)!.filter((place) => outside.some(([other]) => other === place));
      if (beyond.length > 0) leaks.push(numbered.find((one) => one.name === name)!);
      t.same(beyond, [], `${when}: ${name}`);
    }
    for (const { name } of numbered.slice(second))
      t.same(seen.get(name), ['watcher', 'gateway'], `${when}, and it is lawful: ${name}`);
    t.comment(`${when}: attempts ${second}, leaks ${leaks.length}`);
  }
});
