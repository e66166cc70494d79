// The QMP client against a real QEMU, and against monitors that misbehave.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import {
  blockdevAdd,
  blockdevBackup,
  jobDismiss,
  QmpLostError,
  QmpMonitor,
  QmpProtocolError,
  QmpTimeoutError,
  queryBlockNodes,
  queryJobs,
  queryStatus,
  quit,
} from '../../drivers/qmp/mod.ts';

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'ikt-qmp-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A machine with vCPUs stopped: nothing but its monitor is of interest. */
async function startQemu(t: Test): Promise<{ path: string; qemu: ChildProcess }> {
  const path = join(await folder(t), 'qmp.sock');
  const machine = [
    '-S',
    '-nodefaults',
    '-display',
    'none',
    '-machine',
    'microvm',
    '-accel',
    'tcg',
    '-m',
    '16',
  ];
  const qemu = spawn('qemu-system-x86_64', [...machine, '-qmp', `unix:${path},server=on,wait=off`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  t.teardown(() => qemu.kill('SIGKILL'));
  while (qemu.exitCode === null) {
    const answers = await QmpMonitor.open({ path }).catch(() => undefined);
    answers?.close();
    if (answers !== undefined) return { path, qemu };
    await sleep(10);
  }
  throw new Error(`QEMU ended with ${qemu.exitCode}`);
}

/** A monitor of our own making. */
async function fakeMonitor(t: Test, talk: (socket: Socket) => void): Promise<string> {
  const path = join(await folder(t), 'fake.sock');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    talk(socket);
  });
  server.listen(path);
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return path;
}

const GREETING = '{"QMP":{"version":{"qemu":{"micro":0,"minor":0,"major":9}},"capabilities":[]}}\r\n';

/** Greets, and answers every command through `answer`. */
function greetAndAnswer(answer: (command: string, id: string) => string) {
  return (socket: Socket): void => {
    socket.write(GREETING);
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().trim().split('\n')) {
        const { execute, id } = JSON.parse(line) as { execute: string; id: string };
        socket.write(execute === 'qmp_capabilities' ? `{"return":{},"id":"${id}"}\r\n` : answer(execute, id));
      }
    });
  };
}

t.test('a real QEMU: commands, errors, events with their data, and its end', async (t) => {
  const { path, qemu } = await startQemu(t);
  const monitor = await QmpMonitor.open({ path });
  t.match(monitor.version, /^\d+\.\d+\.\d+$/);
  t.equal(await queryStatus(monitor), 'prelaunch');

  const [status, failed, jobs] = await Promise.allSettled([
    queryStatus(monitor),
    monitor.execute('no-such-command'),
    queryJobs(monitor),
  ]);
  t.match(status, { value: 'prelaunch' }, 'each of several commands at once gets its own answer');
  t.match(failed, {
    reason: { name: 'QmpError', errorClass: 'CommandNotFound', command: 'no-such-command' },
  });
  t.match(jobs, { value: [] });

  const events = monitor.events();
  await monitor.execute('cont');
  t.match((await events.next()).value, { event: 'RESUME', timeMs: Number });
  const waiting = monitor.execute('query-status');
  await quit(monitor).catch(() => {});
  const last: string[] = [];
  for await (const event of events) last.push(`${event.event} ${event.data.reason}`);
  t.same(last, ['SHUTDOWN host-qmp-quit'], 'the data of an event arrive, and the iteration ends with QEMU');
  await waiting;
  t.match(await monitor.ended, Error);
  await t.rejects(queryStatus(monitor), QmpLostError);
  if (qemu.exitCode === null) await once(qemu, 'exit');
});

t.test('a copy of a disk at one point in time, followed by its job events', async (t) => {
  const { path } = await startQemu(t);
  const monitor = await QmpMonitor.open({ path });
  t.teardown(() => monitor.close());
  const size = 1024 * 1024;
  await blockdevAdd(monitor, { driver: 'null-co', 'node-name': 'from', size, 'read-zeroes': true });
  await blockdevAdd(monitor, { driver: 'null-co', 'node-name': 'to', size });
  t.match(await queryBlockNodes(monitor), [{ driver: 'null-co' }, { driver: 'null-co' }]);
  const events = monitor.events();
  await blockdevBackup(monitor, { jobId: 'copy', device: 'from', target: 'to' });
  for await (const { event, data } of events) {
    if (event === 'JOB_STATUS_CHANGE' && data.status === 'concluded') break;
  }
  t.match(await queryJobs(monitor), [{ id: 'copy', status: 'concluded', current: size, total: size }]);
  await jobDismiss(monitor, 'copy');
  t.same(await queryJobs(monitor), []);
});

t.test('killing QEMU wakes whoever waits', async (t) => {
  const { path, qemu } = await startQemu(t);
  const monitor = await QmpMonitor.open({ path });
  qemu.kill('SIGSTOP');
  const waiting = monitor.execute('query-status');
  qemu.kill('SIGKILL');
  await t.rejects(waiting, QmpLostError);
});

t.test('a monitor held by somebody else: a time-out that says so', async (t) => {
  const { path } = await startQemu(t);
  const first = await QmpMonitor.open({ path });
  t.teardown(() => first.close());
  await t.rejects(QmpMonitor.open({ path, connectTimeoutMs: 50 }), {
    name: 'QmpTimeoutError',
    message: /another client holds/,
  });
});

t.test('answers out of order, byte by byte, reach the callers they belong to', async (t) => {
  const held: string[] = [];
  const path = await fakeMonitor(t, (socket) =>
    greetAndAnswer((command, id) => {
      held.unshift(`{"return":"${command}","id":"${id}"}\r\n`);
      if (held.length === 2) for (const byte of Buffer.from(held.join(''))) socket.write(Buffer.from([byte]));
      return '';
    })(socket),
  );
  const monitor = await QmpMonitor.open({ path });
  t.teardown(() => monitor.close());
  t.same(await Promise.all([monitor.execute('one'), monitor.execute('two')]), ['one', 'two']);
});

t.test('a deaf monitor: time-out and abort, and the late answer does no harm', async (t) => {
  const late: (() => void)[] = [];
  const path = await fakeMonitor(t, (socket) =>
    greetAndAnswer((command, id) => {
      const answer = `{"return":"${command}","id":"${id}"}\r\n`;
      if (command === 'prompt') return answer;
      late.push(() => socket.write(answer));
      return '';
    })(socket),
  );
  const monitor = await QmpMonitor.open({ path });
  t.teardown(() => monitor.close());
  await t.rejects(monitor.execute('deaf', {}, { timeoutMs: 20 }), QmpTimeoutError);
  const abort = new AbortController();
  const waiting = monitor.execute('deaf', {}, { signal: abort.signal });
  abort.abort(new Error('asked to stop'));
  await t.rejects(waiting, { message: 'asked to stop' });
  await t.rejects(monitor.execute('never', {}, { signal: abort.signal }), { message: 'asked to stop' });
  t.equal(await monitor.execute('prompt'), 'prompt');
  for (const answer of late) answer();
  t.equal(await monitor.execute('prompt'), 'prompt', 'it still talks');
});

t.test('nonsense, unasked answers and errors without id end the monitor by a named error', async (t) => {
  for (const nonsense of [
    'SSH-2.0-OpenSSH\r\n',
    '{"return":{},"id":"nobody"}\n',
    '{"error":{"desc":"parse"}}\n',
  ]) {
    const path = await fakeMonitor(
      t,
      greetAndAnswer(() => nonsense),
    );
    const monitor = await QmpMonitor.open({ path });
    await t.rejects(monitor.execute('anything'), QmpLostError);
    t.type(await monitor.ended, QmpProtocolError);
  }
  const path = await fakeMonitor(t, (socket) => socket.write('220 mail ESMTP\r\n'));
  await t.rejects(QmpMonitor.open({ path }), QmpLostError);
});

t.test('a slow subscriber holds a bounded number of events and learns what it missed', async (t) => {
  const path = await fakeMonitor(t, (socket) =>
    greetAndAnswer(
      (_command, id) => `${'{"event":"RTC_CHANGE"}\r\n'.repeat(1_000)}{"return":{},"id":"${id}"}\r\n`,
    )(socket),
  );
  const monitor = await QmpMonitor.open({ path, eventCapacity: 10 });
  t.teardown(() => monitor.close());
  const events = monitor.events();
  await monitor.execute('flood');
  t.equal(events.size, 10);
  t.match((await events.next()).value, { event: 'OVERFLOW', data: { dropped: 990 } });
  t.match((await events.next()).value, { event: 'RTC_CHANGE' });
});

t.test('no monitor there: a named error at once', async (t) => {
  await t.rejects(QmpMonitor.open({ path: join(await folder(t), 'none') }), QmpLostError);
});
