// Inside the KVM host: VNets on VLANs of one trunk, and what a guest must not send, with the kernel's own 802.1q.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { vnetNames } from '../../../agent/network/mod.ts';
import { type Attempt, lawful, type Party, spoofs } from '../../helpers/network-attempts.ts';
import { guestShell, report } from './guest.ts';
import { call, shell, step, until, type Vnic, type VServer } from './host.ts';

/** So that it is known that frames are seen at all. */
const LAWFUL = ['ARP request', 'UDP', 'DHCP discover'];

/** Frames by hex lines on standard input to a device: AF_PACKET, SOCK_RAW. */
const SENDER = `socket(my $s, 17, 3, 0) or die $!; my $at = shift; open my $f, "<", "/sys/class/net/$at/ifindex" or die $!;
  bind($s, pack("S n i S C C a8", 17, 3, <$f>, 0, 0, 0, "")) or die $!;
  while (<STDIN>) { chomp; send($s, pack("H*", $_), 0) or die $! }`;

const sendFrames = (namespace: string, device: string, frames: Buffer[]) =>
  shell(
    `ip netns exec ${namespace} perl -e '${SENDER}' ${device} <<'END'\n${frames.map((frame) => frame.toString('hex')).join('\n')}\nEND`,
  );

/** A frame of an Ethernet type for experiments (IEEE 802), sent last. */
const LAST = Buffer.from(`ffffffffffff02000000000188b5${'a55a'.repeat(24)}`, 'hex');

/** Everything that passes the trunk while `task` runs, as tcpdump prints it with link headers. */
async function seenOnTrunk(task: () => Promise<void>): Promise<string> {
  const options = ['-n', '-e', '-l', '-XX', '--immediate-mode', '-i', 'trunk1'];
  const dump = spawn('ip', ['netns', 'exec', 'switch', 'tcpdump', ...options]);
  let text = '';
  dump.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const closed = once(dump, 'close');
  await new Promise<void>((resolve, reject) => {
    dump.stderr.on('data', (chunk) => /listening on/.test(String(chunk)) && resolve());
    closed.then(() => reject(new Error('tcpdump ended')), reject);
  });
  await task();
  // What was sent before this frame has been seen before it.
  await sendFrames('switch', 'trunk1', [LAST]);
  await until('the last frame', async () => text.includes('a55a a55a') || undefined);
  dump.kill('SIGINT');
  await closed;
  return text;
}

await step('a guest has its address on both VLANs', async () => {
  const told = await report('tuned');
  const { vnics } = await call<VServer>('getVServerAttributes', { vserverId: 'tuned' });
  assert.equal(told.get('address.0'), `${vnics[0]!.ipv4Address}/24`);
  assert.equal(told.get('address.1'), `${vnics[1]!.ipv4Address}/24`);
});

await step('what it sends has the tag of its VNet on the trunk, and what comes back arrives', async () => {
  await shell(`for id in 101 102; do
      ip -n switch link add link trunk1 name vlan$id type vlan id $id; ip -n switch link set vlan$id up; done
    ip -n switch address add 10.50.0.200/24 dev vlan101`);
  const guest = await guestShell('tuned');
  const seen = await seenOnTrunk(async () => {
    assert.match(await guest.run('ping -c 2 -W 10 -I eth0 10.50.0.200'), /[12] packets received/);
    // Nobody is there on the other VLAN, although its addresses are the same.
    assert.match(await guest.run('ping -c 1 -W 3 -I eth1 10.50.0.200; true'), /0 packets received/);
  });
  guest.close();
  const { vnics } = await call<VServer>('getVServerAttributes', { vserverId: 'tuned' });
  const from = (vnic: Vnic) => seen.split('\n').filter((line) => line.includes(` ${vnic.mac} > `));
  assert.ok(
    from(vnics[0]!).some((line) => /vlan 101, .*ICMP echo request/.test(line)),
    seen,
  );
  assert.ok(from(vnics[0]!).every((line) => line.includes('vlan 101,')));
  assert.ok(from(vnics[1]!).every((line) => line.includes('vlan 102,')));
});

/** Which of the attempts' markers are in a hex dump. */
function markersIn(dump: string): Set<string> {
  const hex = [...dump.matchAll(/^\s+0x[0-9a-f]+:\s+((?:[0-9a-f]{2,4} ?)+)/gm)]
    .map(([, part]) => part!.replaceAll(' ', ''))
    .join('');
  return new Set(
    [...hex.matchAll(/696b2d617474656d70742d((?:3\d){5})/g)].map(([, digits]) =>
      Buffer.from(digits!, 'hex').toString(),
    ),
  );
}

await step('what a guest must not send does not reach the trunk', async () => {
  // A namespace in the place of a machine: behind the same name the same rules.
  const { vserverId } = await call<VServer>('createVServer', {
    name: 'hostile',
    type: 'plain',
    imageId: 'guest',
    boot: false,
    vnics: [{ vnetId: 'red' }],
  });
  const { vnics } = await call<VServer>('getVServerAttributes', { vserverId });
  const victim = (await call<VServer>('getVServerAttributes', { vserverId: 'tuned' })).vnics[0]!;
  const nic = vnics[0]!;
  const { bridge } = await call<{ bridge: string }>('getVNetAttributes', { vnetId: 'red' });
  const { gatewayMac } = vnetNames('ik', nic.vnetId);
  await shell(`ip netns add hostile
    ip link add ${nic.device} type veth peer name eth0 address ${nic.mac} netns hostile
    ip link set ${nic.device} master ${bridge} up; ip -n hostile link set eth0 up`);
  const party = (mac: string, ipv4: string): Party => ({ mac, ipv4, ipv6: 'fd00::1' });
  const self = party(nic.mac, nic.ipv4Address);
  const gateway = party(gatewayMac, '10.50.0.1');
  const tried = spoofs(self, party(victim.mac, victim.ipv4Address), gateway);
  const allowed = lawful(self, gateway).filter(({ name }) => LAWFUL.includes(name));
  const send = async (attempts: Attempt[]) => {
    await sendFrames(
      'hostile',
      'eth0',
      attempts.map(({ frame }) => frame),
    );
  };
  const digits = ({ marker }: Attempt) => marker.subarray(-5).toString();
  const leaked = markersIn(await seenOnTrunk(() => send(tried)));
  const passed = markersIn(await seenOnTrunk(() => send(allowed)));
  console.log(
    `# ${tried.length} attempts, ${leaked.size} leaks; ${passed.size} of ${allowed.length} lawful frames passed`,
  );
  assert.deepEqual(
    tried.filter((attempt) => leaked.has(digits(attempt))).map(({ name }) => name),
    [],
  );
  assert.deepEqual(
    allowed.filter((attempt) => !passed.has(digits(attempt))).map(({ name }) => name),
    [],
  );
  await shell('ip netns del hostile');
  await call('destroyVServer', { vserverId });
});
