// Rights with a real agent: who proves nothing gets nothing, who may look may only look, and nothing listens unasked.
import { execFile } from 'node:child_process';
import { on } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { WebSocket } from 'ws';
import { preparedAgent, type TestAgent, testAgent } from '../helpers/agent-process.ts';
import { authority } from '../helpers/certificates.ts';

const run = promisify(execFile);

/** Network sockets that a process listens on or receives by, as ss tells. */
async function listening(agent: TestAgent): Promise<string[]> {
  const { stdout } = await run('ss', ['-Hlntup']);
  return stdout.split('\n').filter((line) => line.includes(`pid=${agent.pid},`));
}

async function come(t: Test, url: string, token: string | undefined, tls: object) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const socket = new WebSocket(url, 'innkeeper.v1', { headers, ...tls });
  t.teardown(() => socket.terminate());
  const first = await new Promise<{ hello?: Record<string, unknown>; status?: number }>((resolve) => {
    socket.once('message', (data) => resolve({ hello: JSON.parse(String(data)) }));
    socket.once('unexpected-response', (_request, { statusCode = 0 }) => resolve({ status: statusCode }));
    socket.once('error', () => resolve({}));
    socket.once('close', () => resolve({}));
  });
  return { socket, ...first };
}

async function call(socket: WebSocket, method: string, params: object = {}) {
  // Listened to before asking: the answer may come in one piece with other messages, and none may be missed.
  const messages = on(socket, 'message', { close: ['close'] });
  socket.send(JSON.stringify({ jsonrpc: '2.0', id: method, method, params }));
  for await (const [data] of messages) {
    const message = JSON.parse(String(data));
    if (message.id === method) return message;
  }
  throw new Error(`the link was closed before ${method} was answered`);
}

t.test('nothing listens on a network address unless configured', async (t) => {
  const agent = await testAgent(t, { libvirtUri: 'test:///default' });
  await agent.call('createVNet', { name: 'net', ipv4Subnet: '10.9.7.0/29' });
  t.same(await listening(agent), []);
});

t.test('a second agent never shares a state folder with the first', async (t) => {
  const first = await testAgent(t, { libvirtUri: 'test:///default' });
  const second = await preparedAgent(t, {
    libvirtUri: 'test:///default',
    config: { state_dir: first.stateDir },
  });
  await t.rejects(second.start(), /Another agent \(process \d+\) already uses the state folder/);
  t.match(await first.call('getHost'), { connected: true }, 'the first one goes on');
  await first.kill();
  await second.start();
  t.match(await second.call('getHost'), { connected: true }, 'a dead one holds nothing');
});

t.test('each caller gets what it has proved, and no more', async (t) => {
  const ours = await authority(t);
  const foreign = await authority(t);
  const agent = await preparedAgent(t, { libvirtUri: 'test:///default' });
  const file = async (name: string, text: string) => {
    const path = join(agent.folder, name);
    await writeFile(path, text);
    return path;
  };
  const server = await ours.issue('agent');
  const listener = {
    host: '127.0.0.1',
    port: 0,
    cert_file: await file('server.pem', server.cert),
    key_file: await file('server.key', server.key),
    ca_file: await file('ca.pem', ours.ca),
    control_plane: [
      { name: 'watcher', right: 'observe', token_file: await file('watcher', 'see\n') },
      { name: 'owner', right: 'operate', certificate_name: 'owner', token_file: await file('owner', 'do') },
    ],
  };
  agent.configure({ control_plane_listener: listener });
  await agent.start();
  const port = /"controlPlanePort":(\d+)/.exec(agent.log)?.[1];
  t.same(
    (await listening(agent)).map((line) => line.split(/\s+/)[4]),
    [`127.0.0.1:${port}`],
    'it listens where it was told to',
  );
  const url = `wss://127.0.0.1:${port}`;
  const owner = await ours.issue('owner');
  const nothing: [string, string | undefined, object][] = [
    ['no token', undefined, {}],
    ['a wrong token', 'sea', {}],
    ['the token of one who also needs a certificate', 'do', {}],
    ['the certificate without its token', undefined, owner],
    ['an expired certificate', 'do', await ours.issue('owner', 'expired')],
    ['a foreign certificate', 'do', await foreign.issue('owner')],
    ["somebody else's certificate", 'do', await ours.issue('other')],
  ];
  for (const [what, token, tls] of nothing) {
    t.same((await come(t, url, token, { ca: ours.ca, ...tls })).status, 401, what);
  }

  const watcher = await come(t, url, 'see', { ca: ours.ca });
  t.match(watcher.hello, { method: 'hello' });
  t.match(await call(watcher.socket, 'listVNet'), { result: [] });
  const methods = (await call(watcher.socket, 'rpc.discover')).result.methods as {
    name: string;
    'x-right': string;
  }[];
  const stronger = methods.filter((method) => method['x-right'] !== 'observe');
  t.ok(stronger.length > 15, `${stronger.length} methods take more than the right to observe`);
  for (const { name } of stronger) {
    t.match((await call(watcher.socket, name)).error, { data: { code: 'forbidden' } }, name);
  }
  const net = { name: 'net', ipv4Subnet: '10.9.8.0/29' };
  const { socket } = await come(t, url, 'do', { ca: ours.ca, ...owner });
  t.match(await call(socket, 'createVNet', net), { result: { vnetId: String } });
  t.match(await agent.call('listVNet'), [{ creator: 'owner' }]);

  await writeFile(listener.control_plane[0]!.token_file, 'look');
  process.kill(agent.pid!, 'SIGHUP');
  await agent.said('the configuration was read anew');
  t.equal((await come(t, url, 'see', { ca: ours.ca })).status, 401, 'an old token is worth nothing');
  t.match((await come(t, url, 'look', { ca: ours.ca })).hello, { method: 'hello' });
});
