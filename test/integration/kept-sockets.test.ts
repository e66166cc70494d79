// Guests wait while the agent restarts, and are not refused: their sockets are left with the service manager.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { ServedNetwork } from '../../metadata-server/mod.ts';
import { makeWire, sh, type Wire } from '../helpers/wires.ts';

const MAC = '52:54:5e:00:00:01';
const MANAGER = fileURLToPath(new URL('../support/service-manager.py', import.meta.url));
const SERVICE = fileURLToPath(new URL('../support/kept-sockets-process.ts', import.meta.url));
const GUEST_ADDRESS = '10.0.0.11';

/** A wire with one guest on it, and a manager whose service serves that guest's VNet. */
async function managed(t: Test) {
  const wire = await makeWire('ikk', [MAC]);
  t.teardown(wire.remove);
  await wire.inClient(0, 'ip', 'address', 'add', `${GUEST_ADDRESS}/24`, 'dev', 'eth0');
  await wire.inClient(0, 'ip', 'route', 'add', 'default', 'via', '10.0.0.1');
  const ipv4 = { address: '10.0.0.1', prefixLength: 24 };
  const base = { vnetId: 'vnet-a', namespace: wire.server, device: 'vnet0', ipv4, mtu: 1400 };
  const network: ServedNetwork = { ...base, leaseSeconds: 3600 };
  const service = [process.execPath, '--no-warnings', SERVICE, JSON.stringify(network)];
  // Not in the test's own folder: a socket's path is short.
  const folder = await mkdtemp(join(tmpdir(), 'ikk-'));
  const manager = spawn('python3', [MANAGER, join(folder, 'notify'), ...service], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(async () => {
    manager.stdin.end();
    if (manager.exitCode === null) await once(manager, 'exit');
    await rm(folder, { recursive: true });
  });
  const lines = createInterface({ input: manager.stdout })[Symbol.asyncIterator]();
  const tell = async (verb: 'start' | 'stop' | 'kill' | 'tell' | 'held'): Promise<string> => {
    manager.stdin.write(`${verb}\n`);
    return (await lines.next()).value ?? '';
  };
  return { wire, tell, held: async () => JSON.parse(await tell('held')) as string[] };
}

const userData = (wire: Wire) =>
  wire.inClient(0, 'curl', '-sS', '--max-time', '60', 'http://169.254.169.254/user-data');
const sockets = (wire: Wire) => sh('ip', 'netns', 'exec', wire.server, 'ss', '-Hlntu');

/** Resolves when a connection to the service has been made, by whomever it will be answered. */
async function connected(wire: Wire): Promise<void> {
  const established = ['ip', 'netns', 'exec', wire.server, 'ss', '-Hnt', 'state', 'established'] as const;
  while ((await sh(...established)).trim() === '') await new Promise((resolve) => setTimeout(resolve, 20));
}

for (const how of ['stop', 'kill'] as const) {
  t.test(`a guest that asks between a ${how} and the next start is answered`, async (t) => {
    const { wire, tell, held } = await managed(t);
    t.match(await tell('start'), /^opened /);
    const names = (await held()).map((name) => name.replace(/^vnet-a\.\d+\./, ''));
    t.same(names, ['dhcp4', 'gateway', 'metadata', 'password-service']);
    await tell(how);
    t.match(await sockets(wire), /0\.0\.0\.0:67(.|\n)*169\.254\.169\.254:80/, 'open all the while');
    const answer = userData(wire);
    await connected(wire);
    const [word, pid] = (await tell('start')).split(' ');
    t.equal(word, 'resumed');
    t.equal(await answer, `by ${pid}`);
    t.same(await held(), await held(), 'kept for the next time');
    await tell('stop');
    t.match(await tell('start'), /^resumed /, 'and so on');
  });
}

t.test('a VNet that was removed keeps no socket', async (t) => {
  const { wire, tell, held } = await managed(t);
  await tell('start');
  t.equal(await tell('tell'), 'removed');
  t.same(await held(), []);
  t.equal((await sockets(wire)).trim(), '');
});

t.test('sockets of a namespace that is no more are let go, and new ones are opened', async (t) => {
  const { wire, tell, held } = await managed(t);
  await tell('start');
  const before = await held();
  await tell('stop');
  await sh('ip', 'netns', 'delete', wire.server);
  await sh('ip', 'netns', 'add', wire.server);
  await sh('ip', '-n', wire.server, 'link', 'set', 'lo', 'up');
  for (const address of ['10.0.0.1/24', '169.254.169.254/32']) {
    await sh('ip', '-n', wire.server, 'address', 'add', address, 'dev', 'lo');
  }
  t.match(await tell('start'), /^opened /);
  const after = await held();
  t.equal(after.length, before.length);
  t.notSame(after, before);
});
