// innkeeper top against a real agent: one list, JSON lines, and a live screen that gives the terminal back.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import t from 'tap';
import { preparedAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';

const COMMAND = new URL('../../bin/innkeeper', import.meta.url).pathname;
const agent = await preparedAgent(t, { libvirtUri: 'test:///default' });
await agent.start();
await registeredImage(agent);
const common = { type: 'tiny', imageId: 'guest', vnics: [], context: ['nocloud'] };
await agent.call('createVServer', { ...common, name: 'web' });
await agent.call('createVServer', { ...common, name: 'evil', boot: false });
const words = ['--socket', agent.socket, 'top', '--interval', '0.2'];

t.test('the method behind it', async (t) => {
  const usage = await agent.call<{ name: string }[]>('listVServerUsage');
  const web = usage.find(({ name }) => name === 'web');
  t.match(web, { power: 'on', cpuSeconds: Number, disks: [{ sizeBytes: Number }] });
  t.equal(usage.length, 2);
});

t.test('one list, for people', async (t) => {
  const { stdout } = await promisify(execFile)(COMMAND, [...words, '--once']);
  t.match(stdout, /^1 of 2 VServers running, load /);
  t.match(stdout, /^processors \d+, used [\d.]+, promised 2; memory \d+ MiB, used \d+, promised 192$/m);
  t.match(stdout, /^NAME +STATE +VCPUS +CPU%/m);
  t.match(stdout, /^web +running +1 +\d/m);
  const piped = await promisify(execFile)(COMMAND, words);
  t.match(piped.stdout, /^NAME /m, 'and it ends by itself where there is no terminal');
});

t.test('JSON lines, for programs, until a signal', async (t) => {
  const child = spawn(COMMAND, ['--json', ...words]);
  t.teardown(() => child.kill('SIGKILL'));
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen += text;
  });
  while (seen.split('\n').length < 4) await once(child.stdout, 'data');
  child.kill('SIGTERM');
  t.equal((await once(child, 'close'))[0], 0);
  const [first] = seen.split('\n').map((line) => line && JSON.parse(line));
  t.match(first.vservers, [
    { name: 'web', cpuPercent: Number },
    { name: 'evil', state: 'inactive' },
  ]);
});

t.test('live on a terminal; q gives it back', async (t) => {
  // script(1) gives the command a terminal of its own.
  const child = spawn('script', ['-qec', [COMMAND, ...words].join(' '), '/dev/null']);
  t.teardown(() => child.kill('SIGKILL'));
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen += text;
  });
  while (seen.split('q: leave').length < 4) await once(child.stdout, 'data');
  t.match(seen, /web +running/);
  child.stdin.write('q');
  t.equal((await once(child, 'close'))[0], 0);
  t.ok(seen.indexOf('\u001b[?1049h') < seen.indexOf('VServers running'));
  t.match(seen, /\u001b\[\?25h\u001b\[\?1049l\s*$/);
});

t.test('what cannot be is refused', async (t) => {
  for (const wrong of [
    ['--interval', '0'],
    ['--interval', 'x'],
    ['--sort', 'colour'],
  ]) {
    const refused = await promisify(execFile)(COMMAND, [...words, ...wrong]).catch((error) => error);
    t.equal(refused.code, 2, wrong.join(' '));
  }
  await agent.kill();
  const gone = await promisify(execFile)(COMMAND, [...words, '--once']).catch((error) => error);
  t.equal(gone.code, 3);
});
