// Counters of a machine of QEMU reach the samples of its VServer, under the ids of its own disks and VNICs.
import t from 'tap';
import type { MeterSample } from '../../agent/metering/sample.ts';
import { testAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { eventually } from '../helpers/waiting.ts';

t.test('what a real machine does is metered', async (t) => {
  const agent = await testAgent(t, { config: { metering: { interval_seconds: 1 } } });
  await registeredImage(agent);
  await agent.call('createVNet', { name: 'net', ipv4Subnet: '10.9.7.0/28' });
  const vnics = [{ vnetId: 'net' }];
  const wish = { name: 'web', type: 'tiny', imageId: 'guest', vnics, context: ['nocloud'] };
  const { vserverId } = await agent.call('createVServer', wish);
  const data = await agent.call('createVDisk', { name: 'data', sizeGB: 0.01 });
  await agent.call('attachVDisk', { vdiskId: 'data', vserverId });
  const latest = async () =>
    (await agent.call<MeterSample[]>('listMeterSample', { vserverId, limit: 1 }))[0]!;

  // The firmware reads the boot sector, whatever the guest does afterwards.
  const reads = ({ disks }: MeterSample) =>
    (disks.find(({ sizeBytes }) => sizeBytes > 1e7)?.readBytes ?? 0) > 0;
  const busy = await eventually(latest, reads, 'a sample with something read');
  t.match(busy, { power: 'on', vcpus: 1, memoryMiB: 96, cpuSeconds: Number, residentBytes: Number });
  t.ok(busy.cpuSeconds! > 0 && busy.residentBytes! > 2 ** 20);
  t.match(busy.vnics, [{ receivedBytes: Number, sentBytes: Number, sentPackets: Number }]);
  const own = await agent.call<{ vnicId: string }[]>('listVNIC', { vserverId });
  t.same(
    busy.vnics.map(({ vnicId }) => vnicId),
    own.map(({ vnicId }) => vnicId),
  );
  const both = ({ disks }: MeterSample) =>
    disks.length === 2 && disks.every(({ readBytes }) => readBytes !== undefined);
  const plugged = await eventually(latest, both, 'a sample with the disk that was plugged in');
  t.ok(plugged.disks.some(({ vdiskId }) => vdiskId === data.vdiskId));

  await agent.call('powerOffVServer', { vserverId });
  const off = await eventually(latest, ({ power }) => power === 'off', 'a sample with power off');
  t.match(off, { vcpus: 0, memoryMiB: 0 });
  t.notOk('cpuSeconds' in off || 'readBytes' in off.disks[0]!, 'nothing is counted while it is off');
});
