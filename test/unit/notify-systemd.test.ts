// What systemd is told, and that nothing is told where there is no systemd.
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { openNotifier } from '../../agent/service-manager/notify.ts';

/** A stand-in for systemd-notify that writes its arguments down. */
async function listener(folder: string): Promise<{ env: NodeJS.ProcessEnv; heard: () => Promise<string[]> }> {
  const file = join(folder, 'heard');
  const program = join(folder, 'systemd-notify');
  await writeFile(file, '');
  await writeFile(program, `#!/bin/sh\necho "$*" >>'${file}'\n`);
  await chmod(program, 0o755);
  return {
    env: { PATH: `${folder}:${process.env.PATH}`, NOTIFY_SOCKET: '/run/nowhere' },
    heard: async () => (await readFile(file, 'utf8')).split('\n').filter((line) => line !== ''),
  };
}

/** Waits for an event of another process; the limit is the test's own. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(20);
}

t.test('states arrive in order, in the name of this process', async (t) => {
  const { env, heard } = await listener(t.testdir());
  const notifier = openNotifier(env);
  notifier.tell('READY=1');
  notifier.tell('STOPPING=1');
  await until(async () => (await heard()).length === 2);
  t.same(await heard(), [`--pid=${process.pid} READY=1`, `--pid=${process.pid} STOPPING=1`]);
  notifier.close();
});

t.test('the watchdog is fed, again and again', async (t) => {
  const { env, heard } = await listener(t.testdir());
  const notifier = openNotifier({ ...env, WATCHDOG_USEC: '60000' });
  await until(async () => (await heard()).length >= 3);
  t.ok((await heard()).every((line) => line.endsWith('WATCHDOG=1')));
  notifier.close();
});

t.test('without systemd nothing is started', async (t) => {
  const { env, heard } = await listener(t.testdir());
  const notifier = openNotifier({ ...env, NOTIFY_SOCKET: '' });
  notifier.tell('READY=1');
  notifier.close();
  await pause(100);
  t.same(await heard(), []);
});
