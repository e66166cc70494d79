// The innkeeper command as people and scripts run it: a process of its own against an agent's socket.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { fakeApi, socketPath } from '../helpers/local-api.ts';

const COMMAND = fileURLToPath(new URL('../../bin/innkeeper', import.meta.url));

function start(socket: string, ...words: string[]): ChildProcess {
  return spawn(COMMAND, words, { env: { ...process.env, INNKEEPER_SOCKET: socket } });
}

async function run(socket: string, ...words: string[]) {
  const child = start(socket, ...words);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

t.test('a VServer is created, listed, shown and destroyed by name', async (t) => {
  const { agent, path } = await fakeApi(t);
  const file = `${path}.userdata`;
  await writeFile(file, Buffer.from([0, 255, 10]));
  const words = [
    'vserver',
    'create',
    'web',
    '--type',
    'small',
    '--image',
    'demo',
    '--vnet',
    'lan=10.0.0.5',
    '-n',
    'wan',
  ];
  const made = await run(path, ...words, '-u', file, '--var', 'A=1', '--no-boot', '--request-id', 'r-1');
  t.match(made, { code: 0, stdout: 'vserverId: vs-1\n', stderr: '' });
  t.same(agent.calls[0]?.params, {
    name: 'web',
    type: 'small',
    imageId: 'demo',
    vnics: [{ vnetId: 'lan', ipv4Address: '10.0.0.5' }, { vnetId: 'wan' }],
    userData: Buffer.from([0, 255, 10]).toString('base64'),
    variables: { A: '1' },
    boot: false,
    requestId: 'r-1',
  });
  const [list, shown, json] = await Promise.all([
    run(path, 'vserver', 'list'),
    run(path, 'vserver', 'show', 'web'),
    run(path, '--json', 'vserver', 'list'),
  ]);
  t.equal(list.stdout, 'ID    NAME  TYPE   STATE    POWER\nvs-1  web   small  running  on\n');
  t.match(shown.stdout, /^vserverId: +vs-1\nname: +web\n/);
  t.match(JSON.parse(json.stdout), [{ vserverId: 'vs-1' }]);
  const [wide, inYaml, inJson, wrong] = await Promise.all([
    run(path, 'vserver', 'list', '-o', 'wide'),
    run(path, '-o', 'yaml', 'vserver', 'show', 'web'),
    run(path, 'capacity', '--output', 'json'),
    run(path, 'vserver', 'list', '-o', 'xml'),
  ]);
  t.match(wide.stdout, /^VSERVERID +NAME +VSERVERTYPE +STATE +POWER\nvs-1 /);
  t.equal(inYaml.stdout, 'vserverId: vs-1\nname: web\nvserverType: small\nstate: running\npower: "on"\n');
  t.same(JSON.parse(inJson.stdout), { vservers: 1, freeMemoryMiB: 1024 });
  t.match(wrong, { code: 2, stderr: /Allowed choices are table, wide, json, yaml/ });
  t.match(await run(path, 'names', 'vserver'), { code: 0, stdout: 'web\n' });
  t.match(await run(path, 'names', 'planet'), { code: 2, stderr: /there are vserver, vnet/ });
  t.match(await run(path, 'vserver', 'destroy', 'web', '--no-wait', '--json'), {
    code: 0,
    stdout: /"operationId"/,
  });
});

t.test('what the agent refuses is one line, or JSON, and exit code 1', async (t) => {
  const { agent, path } = await fakeApi(t);
  agent.vservers.set('vs-1', { vserverId: 'vs-1', name: 'web', state: 'running' });
  const [start, none, json, unknown] = await Promise.all([
    run(path, 'vserver', 'start', 'web'),
    run(path, 'vserver', 'show', 'no\u001b[2Jne'),
    run(path, 'vserver', 'show', 'none', '--json'),
    run(path, 'call', 'dance'),
  ]);
  t.same(start, { code: 1, stdout: '', stderr: 'innkeeper: wrong-state: It is running already\n' });
  t.same(none, {
    code: 1,
    stdout: '',
    stderr: 'innkeeper: not-found: There is no VServer "no\\u001b[2Jne"\n',
  });
  t.equal(json.code, 1);
  t.match(JSON.parse(json.stderr), { code: 'not-found', ids: { vserver: 'none' } });
  t.match(unknown, { code: 1, stderr: /^innkeeper: not-found: / });
});

t.test('interrupting ends the waiting, not the operation', async (t) => {
  const { agent, path } = await fakeApi(t);
  agent.vservers.set('vs-1', { vserverId: 'vs-1', name: 'web', state: 'inactive' });
  const gate = Promise.withResolvers<void>();
  agent.operationTime = gate.promise;
  const child = start(path, 'vserver', 'start', 'web', '--request-id', 'r-7');
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  for await (const _update of agent.operationUpdates(AbortSignal.timeout(10_000))) break;
  child.kill('SIGINT');
  t.equal((await once(child, 'close'))[0], 130);
  t.equal(stderr, 'innkeeper: interrupted: the operation goes on; see innkeeper operation show r-7\n');
  setImmediate(gate.resolve);
  for await (const { id, state } of agent.operationUpdates(AbortSignal.timeout(10_000))) {
    t.same({ id, state }, { id: 'r-7', state: 'done' });
    break;
  }
});

t.test('a wrong command line is exit code 2 and reaches no agent', async (t) => {
  const { agent, path } = await fakeApi(t);
  const wrong = [
    ['vserver', 'create', 'web'],
    ['vserver', 'list', '--colour'],
    ['dance'],
    ['call', 'getCapacity', '[1]'],
    ['vserver', 'create', 'web', '-t', 's', '-i', 'i', '-u', '/nonexistent'],
  ];
  for (const result of await Promise.all(wrong.map((words) => run(path, ...words)))) {
    t.match(result, { code: 2, stdout: '', stderr: /^innkeeper: usage: / });
  }
  t.equal(agent.calls.length, 0);
});

t.test('no agent is exit code 3', async (t) => {
  const path = await socketPath(t);
  const [plain, json] = await Promise.all([run(path, 'vserver', 'list'), run(path, 'host', '--json')]);
  t.match(plain, { code: 3, stdout: '', stderr: /^innkeeper: unreachable: .*is the agent running/ });
  t.match(JSON.parse(json.stderr), { code: 'unreachable' });
});

t.test('help has examples and is no failure', async (t) => {
  const [help, create, version] = await Promise.all([
    run('/none', '--help'),
    run('/none', 'vserver', 'create', '--help'),
    run('/none', '--version'),
  ]);
  t.match(help, { code: 0, stderr: '', stdout: /Examples:/ });
  t.match(create, { code: 0, stderr: '', stdout: /Example:\n {2}innkeeper vserver create/ });
  t.match(version, { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ });
});

t.test('events are followed until the agent goes', async (t) => {
  const { agent, api, path } = await fakeApi(t);
  agent.emit('vserver.state', { vserver: 'vs-1' }, { name: 'evil\u001b[2J', state: 'running' });
  const child = start(path, 'events', '--follow');
  t.teardown(() => child.kill());
  let seen = '';
  child.stdout?.on('data', (chunk) => {
    seen += chunk;
  });
  while (!seen.includes('running')) await once(child.stdout!, 'data');
  agent.emit('vserver.destroyed', { vserver: 'vs-1' });
  while (!seen.includes('destroyed')) await once(child.stdout!, 'data');
  t.match(seen, /^ {5}1 {2}\S+ {2}vserver\.state {2}vserver=vs-1 {2}name=evil\\u001b\[2J {2}state=running\n/);
  t.notMatch(seen, '\u001b');
  const exit = once(child, 'exit');
  await api.close();
  t.ok([0, 3].includes((await exit)[0]));
});

t.test('a console passes what is typed and ends with the guest', async (t) => {
  const { agent, path } = await fakeApi(t);
  agent.vservers.set('vs-1', { vserverId: 'vs-1', name: 'web' });
  const child = start(path, 'console', 'web');
  t.teardown(() => child.kill());
  let seen = '';
  child.stdout?.on('data', (chunk) => {
    seen += chunk;
  });
  while (!seen.includes('console of web')) await once(child.stdout!, 'data');
  child.stdin?.write('ls\n');
  while (!seen.includes('echo:ls\n')) await once(child.stdout!, 'data');
  child.stdin?.end('bye\n');
  t.equal((await once(child, 'exit'))[0], 0);
  t.match(await run(path, 'console', 'none'), { code: 1, stderr: /^innkeeper: not-found: / });
});

t.test('on a terminal an operation has a progress bar, and Ctrl-] leaves a console', async (t) => {
  const { agent, path } = await fakeApi(t);
  agent.operationTime = 300;
  agent.vservers.set('vs-1', { vserverId: 'vs-1', name: 'web', state: 'inactive' });
  // script(1) gives the command a terminal of its own.
  const terminal = (line: string) =>
    spawn('script', ['-qec', `${COMMAND} --socket ${path} ${line}`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  const bar = terminal('vserver start web');
  let drawn = '';
  bar.stdout.on('data', (chunk) => {
    drawn += chunk;
  });
  t.equal((await once(bar, 'close'))[0], 0);
  t.match(drawn, /working +\[#+ +\] {2}50%/);
  t.match(drawn, /\r\u001b\[KvserverId: vs-1/, 'the bar is wiped before the result');
  const console = terminal('console web');
  let seen = '';
  console.stdout.on('data', (chunk) => {
    seen += chunk;
  });
  while (!seen.includes('console of web')) await once(console.stdout, 'data');
  console.stdin.write('\u001d');
  t.equal((await once(console, 'close'))[0], 0);
});

t.test('another key leaves a console, and its guest is told how large the terminal is', async (t) => {
  const { agent, path } = await fakeApi(t);
  agent.vservers.set('vs-1', { vserverId: 'vs-1', name: 'web', state: 'running' });
  const line = `stty rows 30 cols 90; ${COMMAND} --socket ${path} console web --escape '^A' --resize`;
  const terminal = spawn('script', ['-qec', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => terminal.kill('SIGKILL'));
  let seen = '';
  terminal.stdout.on('data', (chunk) => {
    seen += chunk;
  });
  while (!seen.includes('echo: stty rows 30 cols 90')) await once(terminal.stdout, 'data');
  t.match(seen, 'leave with Ctrl-A');
  terminal.stdin.write('\u001d\u0001');
  t.equal((await once(terminal, 'close'))[0], 0);
  t.match(await run(path, 'console', 'web', '--escape', 'x'), { code: 2, stderr: /no control key/ });
});
