// The quickstart's story: an image, a network, a VServer, and everything about it observed from both sides.
import { createHash, randomBytes } from 'node:crypto';
import type { ApiClient } from '../../agent/cli/client.ts';
import { watchGuest } from './guest.ts';
import type { Observations } from './observations.ts';
import type { Place } from './place.ts';
import { type Capacity, eventsReceived, latestCapacity } from './record.ts';
import { until } from './wait.ts';

interface VServer {
  vserverId: string;
  state: string;
  addresses: string[];
}

/** More than text, so that a service that treats it as text is found out. */
const userData = Buffer.from('#!/bin/true\n# user data of the quickstart: \0\r\n\u00fc\u20ac\n'.repeat(64));

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Makes everything and observes it; what did not hold is in `seen`. @throws Error where it cannot go on */
export async function runDemo(
  client: ApiClient,
  place: Place,
  image: { path: string; checksum: string },
  before: Capacity,
  seen: Observations,
): Promise<void> {
  await seen.timed('registerDiskImage', () =>
    client.call('registerDiskImage', {
      name: 'busybox',
      uri: `file://${image.path}`,
      checksum: image.checksum,
      format: 'qcow2',
      osType: 'Linux',
    }),
  );
  await seen.timed('createVNet', () => client.call('createVNet', { name: 'demo' }));
  const token = randomBytes(12).toString('hex');
  const asked = Date.now();
  const vserver = (await seen.timed('createVServer', () =>
    client.call('createVServer', {
      name: 'demo',
      type: 'tiny',
      imageId: 'busybox',
      vnics: [{ vnetId: 'demo' }],
      userData: userData.toString('base64'),
      context: ['opennebula'],
      variables: { GUEST_TOKEN: token },
    }),
  )) as VServer;
  const report = await seen.timed('bootToReport', () => watchGuest(client, vserver.vserverId));

  observeGuest(vserver, report, token, seen);
  await observePassword(client, vserver, report, seen);
  await observeCapacity(place, before, asked, seen);
  await observeEvents(place, vserver, seen);
}

function observeGuest(
  { addresses }: VServer,
  report: Map<string, string>,
  token: string,
  seen: Observations,
): void {
  const leased = report.get('address.0') ?? 'none';
  seen.line('address', addresses.includes(leased.split('/')[0] ?? ''), { leased, given: addresses });
  seen.say(`Address leased by DHCP: ${leased}, lease ${report.get('lease.0')} s`);

  const bytes = Number(report.get('user-data-bytes'));
  const equal = report.get('user-data-sha256') === sha256(userData);
  seen.line('userData', equal && bytes === userData.length, {
    bytes,
    sha256: report.get('user-data-sha256'),
    equal,
  });
  seen.say(`User data from http://169.254.169.254/user-data: ${bytes} bytes, equal to what was given`);

  const device = report.get('iso.CONTEXT');
  const read = report.get('context.GUEST_TOKEN') === token;
  seen.line('contextIso', device !== undefined && read && report.get('context.ETH0_IP') === addresses[0], {
    device,
    variableRead: read,
    address: report.get('context.ETH0_IP'),
  });
  seen.say(`Context ISO mounted by the guest from ${device}, context.sh run, our variable was in it`);
}

async function observePassword(
  client: ApiClient,
  { vserverId }: VServer,
  report: Map<string, string>,
  seen: Observations,
): Promise<void> {
  const answer = await client.call('getInitialPasswordVServer', { vserverId });
  const { password } = answer as { password: string };
  const equal = report.get('initial-password-sha256') === sha256(password);
  const masked = `${password.slice(0, 2)}${'*'.repeat(Math.max(0, password.length - 2))}`;
  seen.line('initialPassword', report.get('initial-password') === 'posted' && equal, { masked, equal });
  seen.say(`Initial password made by the guest and retrieved: ${masked}`);
}

async function observeCapacity(place: Place, before: Capacity, asked: number, seen: Observations) {
  const running = (now: Capacity | undefined) =>
    now && now.vservers.running === before.vservers.running + 1 ? now : undefined;
  const after = await until('a capacity report with the VServer in it', 60, async () =>
    running(await latestCapacity(place.record, asked)),
  );
  // What is free also depends on machines of others; what is reserved only on ours.
  const memory = after.memory.reserved - before.memory.reserved;
  const vcpus = after.vcpus.reserved - before.vcpus.reserved;
  seen.line('capacity', memory === 128 && vcpus === 1, {
    before: { vcpus: before.vcpus, memory: before.memory },
    after: { vcpus: after.vcpus, memory: after.memory },
  });
  const shown = ({ vcpus, memory }: Capacity) =>
    `${vcpus.reserved} vCPUs and ${memory.reserved} MiB reserved, ${memory.free} MiB free`;
  seen.say(`Capacity told to the control plane: before, ${shown(before)}; now ${shown(after)}`);
}

/** What the control plane must have been told by now, in this order. */
const EXPECTED = ['image.registered', 'vnet.created', 'vserver.created', 'vserver.initial-password'];

async function observeEvents(place: Place, { vserverId }: VServer, seen: Observations): Promise<void> {
  const events = await until('the last event', 60, async () => {
    const received = await eventsReceived(place.record);
    return EXPECTED.every((type) => received.some((event) => event.type === type)) ? received : undefined;
  });
  const types = events.map(({ type }) => type);
  const order = EXPECTED.map((type) => types.indexOf(type));
  const sorted = order.every((at, index) => index === 0 || at > (order[index - 1] ?? -1));
  const gapless = events.every(({ seq }, index) => seq === index + 1);
  const running = events.some(({ ids, data }) => ids.vserver === vserverId && data.state === 'running');
  seen.line('events', sorted && gapless && running, { types, gapless });
  seen.say(`Events received by the control plane over WebSocket: ${types.length}, in order, none missing`);
}
