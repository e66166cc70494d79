// cloud-init itself, unmodified, in a real Debian machine, configures it from each datasource we render.
import { dirname } from 'node:path';
import t from 'tap';
import { type TestAgent, testAgent } from '../helpers/agent-process.ts';
import { debianImage } from '../images/debian-image.ts';
import { reportOf } from './console.ts';
import { type ContextKind, DATASOURCES, GREETING_SHA256, KEYS, USER_DATA } from './machine.ts';

/** Machines at a time; each has two emulated processors. */
const SIDE_BY_SIDE = 2;
const BOOT_MS = 1_800_000;
const DNS = '10.9.0.53';

type Report = Map<string, string>;

/** Only some of them: `npm run test:cloud-init -- ec2 ovf`. */
const wanted = process.argv.slice(2);
const chosen = DATASOURCES.filter(({ kind }) => wanted.length === 0 || wanted.includes(kind));
const table: string[] = [];

t.test('cloud-init configures a Debian machine from every datasource', async (t) => {
  const image = await debianImage();
  const agent = await testAgent(t, {
    config: {
      image_paths: [dirname(image)],
      vserver_type: [{ name: 'debian', vcpus: 2, memory_mib: 512 }],
      network: { dns_servers: [DNS] },
    },
  });
  await agent.call('registerDiskImage', { name: 'debian', uri: `file://${image}`, osType: 'linux' });
  await agent.call('createVNet', { name: 'lan', ipv4Subnet: '10.9.0.0/24', mtu: 1420 });
  const turns: Promise<unknown>[] = Array.from({ length: SIDE_BY_SIDE }, () => Promise.resolve());
  const reports = chosen.map(({ kind }, index) => {
    const turn = index % SIDE_BY_SIDE;
    const report = turns[turn]!.then(() => machineReport(agent, kind, index));
    turns[turn] = report.catch(() => {});
    report.catch(() => {});
    return report;
  });
  for (const [index, { kind, datasource, network }] of chosen.entries()) {
    await t.test(kind, async (t) => {
      const report = await reports[index]!;
      const row = [
        t.match(report.get('datasource'), datasource, 'it is the datasource that was chosen'),
        t.equal(report.get('hostname'), `machine-${index}`, 'host name'),
        t.equal(report.get('keys'), `${KEYS.toSorted().join('|')}|`, 'both keys may log in'),
        t.equal(report.get('file'), `${GREETING_SHA256} 640 root`, 'the file of the user data'),
        [
          t.equal(report.get('address'), `10.9.0.${50 + index}/24`, 'address'),
          t.equal(report.get('gateway'), '10.9.0.1', 'gateway'),
          t.equal(report.get('mtu'), '1420', 'MTU'),
          t.equal(report.get('leases'), network === 'static' ? '0' : '1', `by ${network}`),
          t.match(report.get('dns'), DNS, 'resolver'),
        ].every(Boolean),
        t.equal(report.get('failed-stages'), '0', 'no stage of cloud-init has failed'),
      ].map((good) => (good ? 'ok' : 'WRONG'));
      // What a machine on another host has said cannot be asked again.
      if (row.includes('WRONG')) t.comment([...report].map(([name, value]) => `${name}=${value}`).join('\n'));
      table.push(line(kind, ...row, network, report.get('ready') ?? ''));
    });
  }
});

t.teardown(() => {
  const head = line(
    'datasource',
    'found',
    'hostname',
    'keys',
    'file',
    'network',
    'stages',
    'address',
    'seconds',
  );
  for (const row of [head, ...table]) process.stdout.write(`# ${row}\n`);
});

/** Boots one, reads what it says and lets it go again. */
async function machineReport(agent: TestAgent, kind: ContextKind, index: number): Promise<Report> {
  const name = `machine-${index}`;
  await agent.call('createVServer', {
    name,
    type: 'debian',
    imageId: 'debian',
    vnics: [{ vnetId: 'lan', ipv4Address: `10.9.0.${50 + index}` }],
    sshKeys: KEYS,
    userData: Buffer.from(USER_DATA).toString('base64'),
    context: [kind],
  });
  try {
    return await reportOf(agent, name, BOOT_MS);
  } finally {
    await agent.call('destroyVServer', { vserverId: name });
  }
}

function line(first: string, ...cells: string[]): string {
  return first.padEnd(14) + cells.map((cell) => cell.padEnd(10)).join('');
}
