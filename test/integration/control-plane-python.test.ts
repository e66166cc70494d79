// A control plane in another language drives a VServer of a real agent through its whole life.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { preparedAgent } from '../helpers/agent-process.ts';
import { guestImage } from '../images/guest-image.ts';

const EXAMPLE = fileURLToPath(
  new URL('../../examples/control-plane-python/control_plane.py', import.meta.url),
);

t.test('the whole life of a VServer, from Python', async (t) => {
  const agent = await preparedAgent(t, { libvirtUri: 'test:///default' });
  const words = ['--port', '0', '--meter', '--type', 'tiny', '--subnet', '10.9.3.0/28'];
  const more = ['--image', `file://${await guestImage()}`, '--memory', join(agent.folder, 'memory.json')];
  // Debian's own Python: another one first in the path would not see python3-websockets.
  const child = spawn('/usr/bin/python3', [EXAMPLE, ...words, ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill());
  let said = '';
  let complained = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complained += text;
  });
  const ended = once(child, 'close');
  while (!/ws:\S+/.test(said) && child.exitCode === null)
    await Promise.race([once(child.stdout, 'data'), ended]);
  const url = /ws:\S+/.exec(said)?.[0];
  if (!url) throw new Error(`the example does not start: ${complained}`);
  agent.configure({
    metering: { interval_seconds: 1 },
    control_plane: [{ name: 'python', url, right: 'operate' }],
  });
  await agent.start();
  const [status] = await ended;
  t.equal(status, 0, complained);
  const states = [...said.matchAll(/^vs-\S+ is (\w+)$/gm)].map(([, state]) => state);
  t.same(states, ['running', 'inactive', 'running', 'inactive']);
  t.match(said, /refused, as it should be: wrong-state/);
  t.match(said, /^sample \d+ vs-\S+ [\d.]+ s$/m, 'it was metered');
  t.match(said, /the whole life is over/);
  const numbers = [...said.matchAll(/^event (\d+) /gm)].map(([, seq]) => Number(seq));
  t.same(
    numbers,
    Array.from({ length: numbers.length }, (_, index) => index + 1),
    'it kept every event in order',
  );
  t.same(await agent.leftovers(), [], 'and left nothing behind');
});
