// Damaged router solicitations from a seeded generator: the advertiser goes on, takes no memory, and serves the others.
// `npm run test:malformed` sends a million; DHCP_PACKETS and DHCP_SEED choose otherwise.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { MetadataServer } from '../../metadata-server/mod.ts';
import { directoryOf, factsOf, nicOf, silentLog } from '../helpers/guest-facts.ts';
import { makeWire } from '../helpers/wires.ts';

const PACKETS = Number(process.env.DHCP_PACKETS ?? 10_000);
const SEED = Number(process.env.DHCP_SEED ?? 20_260_101);
/** A sound client asks so many times. */
const ASKED = 3;
const SLACK_KB = 1024;
const SOLICIT = fileURLToPath(new URL('../helpers/solicit.py', import.meta.url));

/** The process of this one that sends advertisements. */
async function advertiser(): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [line, stat] = await Promise.all(
      ['cmdline', 'stat'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    );
    const parent = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (line?.includes('advertise.pl') && parent === process.pid) return Number(pid);
  }
  throw new Error('there is no advertiser');
}

async function memoryKb(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

t.test(`${PACKETS} malformed router solicitations`, async (t) => {
  const wire = await makeWire('ikr', ['52:54:5e:00:00:01'], { gateway: '2001:db8::1' });
  t.teardown(wire.remove);
  const nic = nicOf({ vnetId: 'vnet-a', ipv6: { address: '2001:db8::11', prefixLength: 64 } });
  const server = new MetadataServer({ directory: directoryOf(factsOf({ nics: [nic] })), log: silentLog });
  t.teardown(() => server.close());
  await server.add({
    ...{ vnetId: 'vnet-a', namespace: wire.server, device: 'vnet0', mtu: 1400, leaseSeconds: 3600 },
    ipv6: { address: '2001:db8::1', prefixLength: 64 },
  });
  const pid = await advertiser();
  const bombard = async (seed: number) => {
    const words = [SOLICIT, String(seed), String(PACKETS >> 1), String(Math.ceil((PACKETS >> 1) / ASKED))];
    const args = ['netns', 'exec', wire.clients[0] as string, '/usr/bin/python3', ...words];
    const child = spawn('ip', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (text) => (said += text));
    await once(child, 'close');
    const [, asked, served] = /asked (\d+) served (\d+)/.exec(said) ?? [];
    t.ok(Number(asked) > 0, `a sound client has asked ${asked} times`);
    t.equal(served, asked, 'and was answered each time');
  };
  await bombard(SEED);
  const before = await memoryKb(pid);
  await bombard(SEED + 1);
  const growth = (await memoryKb(pid)) - before;
  t.equal(await advertiser(), pid, 'it is the same process still');
  t.ok(growth < SLACK_KB, `the second half took no memory (${growth} kB of ${before} kB)`);
});
