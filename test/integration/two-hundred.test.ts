// Two hundred VServers: listing, statistics and reconcile cost one round trip each, and making one more stays cheap.
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { testAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { eventually } from '../helpers/waiting.ts';
import { countingRelay } from '../support/counting-relay.ts';
import { privateLibvirtd } from '../support/private-libvirtd.ts';

const MANY = 200;
const AT_ONCE = 10;
/** REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS. */
const BULK_STATISTICS = 344;

t.test('what one VServer costs the hypervisor, two hundred cost too', async (t) => {
  const libvirtd = await privateLibvirtd(t);
  const relay = await countingRelay(t, libvirtd.socket);
  const agent = await testAgent(t, {
    libvirtUri: `test+unix:///default?socket=${relay.socket}`,
    config: {
      reconcile_seconds: 5,
      metering: { interval_seconds: 10 },
      capacity: { cpu_overcommit: 64, memory_overcommit: 16, host_memory_mib: 0, host_disk_percent: 1 },
      vserver_type: [{ name: 'tiny', vcpus: 1, memory_mib: 32 }],
    },
  });
  await registeredImage(agent);
  const create = (number: number) =>
    agent.call('createVServer', {
      name: `v${number}`,
      type: 'tiny',
      imageId: 'guest',
      vnics: [],
      context: ['nocloud'],
    });
  const callsOf = () => [...relay.calls.values()].reduce((sum, count) => sum + count, 0);
  /** True when nothing was asked for a while: the looks after the last events are over. */
  const calmed = async () => {
    const before = callsOf();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    // One comparison and one sample may fall into it.
    return callsOf() <= before + 4;
  };
  const comparisons = () => agent.log.split('"occasion":"periodic"').length;

  relay.reset();
  await create(0);
  await eventually(calmed, (calm) => calm, 'a calm moment after the first');
  const callsForFirst = callsOf();
  for (let next = 1; next < MANY - 1; next += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, MANY - 1 - next) }, (_, index) =>
      create(next + index),
    );
    await Promise.all(batch);
  }
  await eventually(calmed, (calm) => calm, 'a calm moment after the others');
  relay.reset();
  await create(MANY - 1);
  await eventually(calmed, (calm) => calm, 'a calm moment after the last');
  // Periodic comparisons may fall into it, and how often one looks after an event depends on their timing.
  t.ok(
    callsOf() <= callsForFirst * 2 + 3,
    `making the last takes no more calls (${JSON.stringify([...relay.calls])}) than the first (${callsForFirst})`,
  );

  relay.reset();
  const all = await agent.call<unknown[]>('listVServer');
  t.equal(all.length, MANY);
  // A round of metering may fall into each of these.
  t.ok(callsOf() <= 2, 'listing asks the hypervisor nothing');
  relay.reset();
  await agent.call('getCapacity');
  t.ok(callsOf() <= 2, 'nor does the capacity report');

  await eventually(calmed, (calm) => calm, 'a calm moment');
  relay.reset();
  const before = comparisons();
  await eventually(
    async () => comparisons(),
    (count) => count > before,
    'a periodic comparison',
  );
  // Beside it the host's free memory is asked for, by one call or, where libvirt cannot tell, two.
  const bulk = relay.calls.get(BULK_STATISTICS) ?? 0;
  t.ok(
    bulk >= 1 && callsOf() <= bulk * 3,
    `comparing all of them is one bulk call: ${JSON.stringify([...relay.calls])}`,
  );

  await eventually(calmed, (calm) => calm, 'a calm moment');
  relay.reset();
  await agent.client.text('/metrics');
  t.ok(callsOf() <= 3, 'one page for Prometheus is one bulk call');
  t.comment(await idleCost());

  /** What the agent takes while nothing is asked of it. */
  async function idleCost(): Promise<string> {
    const cpuSeconds = async () => {
      const stat = (await readFile(`/proc/${agent.pid}/stat`, 'utf8')).split(') ')[1]!.split(' ');
      return (Number(stat[11]) + Number(stat[12])) / 100;
    };
    relay.reset();
    const [began, spent] = [performance.now(), await cpuSeconds()];
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const seconds = (performance.now() - began) / 1000;
    const share = (100 * ((await cpuSeconds()) - spent)) / seconds;
    const resident = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${agent.pid}/status`, 'utf8'))?.[1];
    const calls = Math.round((callsOf() * 60) / seconds);
    const size = Math.round(Number(resident) / 1024);
    return `idle with ${MANY} VServers, compared every 5 s, metered every 10 s: ${share.toFixed(1)} % of one CPU, ${size} MiB resident, ${calls} libvirt calls a minute`;
  }
});
