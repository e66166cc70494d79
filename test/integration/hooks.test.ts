// Hooks: the operator's programs are told of every moment, and never stand in anyone's way.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { preparedAgent } from '../helpers/agent-process.ts';
import { registeredImage } from '../helpers/guest-console.ts';
import { eventually } from '../helpers/waiting.ts';

const MOMENTS = ['create', 'running', 'shutdown', 'stop', 'done', 'error'];

t.test('programs are run at each moment with the facts, and broken ones hold up nobody', async (t) => {
  const agent = await preparedAgent(t, { libvirtUri: 'test:///default' });
  const program = async (name: string, lines: string) => {
    const path = join(agent.folder, name);
    await writeFile(path, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
    return path;
  };
  const told = join(agent.folder, 'told');
  const child = join(agent.folder, 'child');
  agent.configure({
    hook: [
      { on: MOMENTS, command: await program('tell', `read facts; echo "$* $facts" >> ${told}`) },
      {
        on: ['running'],
        command: await program('hangs', `sleep 3600 & echo $! > ${child}; wait`),
        timeout_seconds: 1,
      },
      { on: ['running'], command: await program('fails', 'echo no good; exit 3') },
      { on: ['running'], command: join(agent.folder, 'is-not-there') },
      { on: ['create'], command: await program('deaf', 'exec <&-; exit 0') },
    ],
  });
  await agent.start();
  await registeredImage(agent);
  const { vserverId } = await agent.call('createVServer', {
    name: 'web',
    type: 'tiny',
    imageId: 'guest',
    vnics: [],
    userData: Buffer.alloc(200_000, 'x').toString('base64'),
  });
  await agent.call('stopVServer', { vserverId });
  await eventually(
    async () => agent.call('getVServerStatus', { vserverId }),
    ({ state }) => state === 'inactive',
    'the VServer is down',
  );
  await agent.call('destroyVServer', { vserverId });
  const lines = await eventually(
    async () => (await readFile(told, 'utf8').catch(() => '')).trim().split('\n'),
    (found) => found.length === 5,
    'five moments',
  );
  const moments = lines.map((line) => line.split(' ').slice(0, 2));
  const expected = ['create', 'running', 'shutdown', 'stop', 'done'].map((moment) => [moment, vserverId]);
  t.same(moments.sort(), expected.sort(), 'every moment once');
  const running = lines.find((line) => line.startsWith('running '))!;
  t.match(running, ` web running {"moment":"running"`);
  t.match(JSON.parse(running.slice(running.indexOf('{'))), { vserver: { name: 'web', vserverId } });

  await agent.said('killed after 1 s');
  await agent.said('exit code 3');
  await agent.said('is-not-there');
  const pid = (await readFile(child, 'utf8')).trim();
  await eventually(
    async () => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'gone'),
    (stat) => stat === 'gone' || stat.split(') ')[1]!.startsWith('Z'),
    'what the program had started is gone, too',
  );
  t.match(await agent.call('listVServer'), [], 'and the agent has gone on');
});
