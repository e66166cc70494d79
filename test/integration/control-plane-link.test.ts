// The link against a real WebSocket server: what it says, what it takes, and what it survives.
import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';
import { connectControlPlane } from '../../agent/control-plane/link.ts';
import { linked } from '../helpers/control-plane.ts';
import { FakeAgent } from '../helpers/fake-agent.ts';
import { silent } from '../helpers/local-api.ts';

const web = { name: 'web', type: 'small', imageId: 'demo', vnics: [] };

t.test('hello comes first, then capacity, at once and on change', async (t) => {
  const { plane, agent, connect } = await linked(t, { token: 'secret' });
  connect();
  await plane.until(() => plane.told('capacity')[0]);
  t.match(plane.heard[0], { jsonrpc: '2.0', method: 'hello', params: { hostId: 'host-1', acknowledged: 0 } });
  t.equal(plane.requests[0]?.headers.authorization, 'Bearer secret');
  t.match(plane.told('capacity')[0], { vservers: 0 });
  await plane.call('createVServer', web);
  for (let i = 0; i < 50; i++) agent.capacityChanged();
  await plane.until(() => plane.told('capacity').some((capacity) => capacity.vservers === 1));
  t.ok(plane.told('capacity').length <= 4, 'a burst of changes is not a burst of reports');
});

t.test('capacity comes by the interval that the control plane asks for', async (t) => {
  const { plane, connect } = await linked(t);
  plane.answer = { capacityIntervalSeconds: 1, somethingOfALaterVersion: true };
  connect();
  await plane.until(() => plane.told('capacity').length >= 2);
});

t.test('any method can be called, with the right of this control plane and no other', async (t) => {
  const { plane, agent, connect } = await linked(t);
  connect();
  await plane.until(() => plane.told('capacity')[0]);
  t.same((await plane.call('createVServer', web)).result, { vserverId: 'vs-1' });
  t.same(agent.calls.at(-1)?.caller, { name: 'plane', right: 'operate' });
  t.match((await plane.call('fail', {})).error, { code: -32006, data: { code: 'forbidden', ids: {} } });
  t.match((await plane.call('startVServer', { vserverId: 'x' })).error, {
    code: -32001,
    data: { code: 'not-found', ids: { vserver: 'x' } },
  });
  t.match((await plane.call('createVServer', { ...web, extra: 1 })).error, {
    code: -32602,
    data: { code: 'invalid', message: /extra/ },
  });
  t.match((await plane.call('toString', {})).error, { code: -32601, data: { code: 'not-found' } });
});

t.test('the methods and their schemas can be asked for', async (t) => {
  const { plane, agent, connect } = await linked(t);
  connect();
  await plane.until(() => plane.told('capacity')[0]);
  const { result } = await plane.call('rpc.discover');
  t.same(
    result.methods.map((method: { name: string }) => method.name),
    [...agent.methods.keys()],
  );
  const { params } = result.methods[0];
  t.match(params[0], { name: 'name', required: true, schema: { type: 'string' } });
});

t.test('progress of operations is told', async (t) => {
  const { plane, agent, connect } = await linked(t);
  agent.operationTime = 20;
  connect();
  await plane.until(() => plane.told('capacity')[0]);
  const started = await plane.call('createVServer', { ...web, requestId: 'r-9', wait: false });
  t.same(started.result, { operationId: 'r-9' });
  await plane.until(() => plane.told('operation').find((each) => each.id === 'r-9' && each.state === 'done'));
});

t.test('garbage is answered as JSON-RPC wants it, and the link lives on', async (t) => {
  const { plane, connect } = await linked(t);
  connect();
  await plane.until(() => plane.told('capacity')[0]);
  const cases: [string | Buffer, unknown, number][] = [
    ['{"jsonrpc"', null, -32700],
    [Buffer.from([0, 1, 2]), null, -32700],
    ['[]', null, -32600],
    ['[{"jsonrpc":"2.0","id":1,"method":"getCapacity"}]', null, -32600],
    ['7', null, -32600],
    ['null', null, -32600],
    ['{"id":5,"method":"getCapacity"}', 5, -32600],
    ['{"jsonrpc":"2.0","id":6,"method":7}', 6, -32600],
    ['{"jsonrpc":"2.0","id":{},"method":"getCapacity"}', null, -32600],
    ['{"jsonrpc":"2.0","id":8,"method":"getCapacity","params":[1]}', 8, -32600],
  ];
  for (const [sent, id, code] of cases) {
    const before = plane.heard.length;
    plane.socket?.send(sent);
    const answer = await plane.until(() => plane.heard.slice(before).find((message) => message.error));
    t.match(answer, { id, error: { code, data: { code: 'invalid' } } }, String(sent));
  }
  plane.socket?.send('{"jsonrpc":"2.0","id":999,"result":1}');
  plane.socket?.send('{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"no"}}');
  plane.socket?.send('{"jsonrpc":"2.0","method":"acknowledge","params":{"seq":99}}');
  plane.socket?.send('{"jsonrpc":"2.0","method":"nothing"}');
  t.match(await plane.call('getCapacity'), { result: { vservers: 0 } });
  t.equal(plane.requests.length, 1, 'never reconnected');
});

t.test('the same id twice is answered twice', async (t) => {
  const { plane, connect } = await linked(t);
  connect();
  await plane.until(() => plane.told('capacity')[0]);
  for (let i = 0; i < 2; i++) plane.socket?.send('{"jsonrpc":"2.0","id":1.5,"method":"getCapacity"}');
  await plane.until(() => plane.heard.filter((message) => message.id === 1.5).length === 2);
});

t.test('an oversize message ends the connection, and the next one is good', async (t) => {
  const { plane, connect } = await linked(t, { limits: { maxMessageBytes: 1_000 } });
  connect();
  await plane.until(() => plane.told('capacity')[0]);
  const closed = once(plane.socket!, 'close');
  plane.socket?.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'x'.repeat(2_000) }));
  t.equal((await closed)[0], 1009);
  await plane.until(() => plane.requests.length === 2);
});

t.test('requests beyond the bound are refused, not queued', async (t) => {
  const { plane, agent, connect } = await linked(t, { limits: { maxRequests: 2 } });
  agent.operationTime = 50;
  connect();
  await plane.until(() => plane.told('capacity')[0]);
  const answers = await Promise.all(
    ['a', 'b', 'c'].map((name) => plane.call('createVServer', { ...web, name })),
  );
  t.same(
    answers.map((answer) => answer.error?.data.code),
    [undefined, undefined, 'no-capacity'],
  );
  t.equal(agent.vservers.size, 2);
});

t.test('a control plane that answers nothing is dropped and tried again', async (t) => {
  const { plane, connect } = await linked(t, { limits: { answerTime: 30 } });
  plane.answer = undefined;
  connect();
  await plane.until(() => plane.requests.length >= 2);
  plane.answer = {};
  await plane.until(() => plane.told('capacity')[0]);
});

t.test('a hello that is answered wrongly is no hello', async (t) => {
  const { plane, agent, connect } = await linked(t);
  agent.emit('made');
  plane.answer = { acknowledged: 'all' };
  connect();
  await plane.until(() => plane.requests.length >= 2);
  t.same(plane.events, []);
});

t.test('a server that speaks another sub-protocol, or no WebSocket, is tried again', async (t) => {
  let visits = 0;
  const server = createServer((socket) => {
    visits++;
    socket.on('error', () => undefined);
    socket.end(visits % 2 ? 'HTTP/1.1 403 Forbidden\r\n\r\n' : 'garbage\u0000\r\n\r\n');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const link = connectControlPlane({
    url: `ws://127.0.0.1:${port}`,
    name: 'p',
    right: 'observe',
    agent: new FakeAgent(),
    log: silent,
    backoff: { min: 1, first: 2, max: 5 },
  });
  t.teardown(() => link.close());
  while (visits < 5) await once(server, 'connection');
  t.pass('it never gave up');
});

t.test('a peer that fell silent is noticed', async (t) => {
  const { plane, connect } = await linked(t, { limits: { heartbeatInterval: 30, heartbeatTimeout: 30 } });
  connect();
  await plane.until(() => plane.told('capacity')[0]);
  plane.socket?.pause();
  await plane.until(() => plane.requests.length === 2);
});

t.test('a quiet but living peer is left alone', async (t) => {
  const { plane, connect } = await linked(t, { limits: { heartbeatInterval: 10, heartbeatTimeout: 2_000 } });
  connect();
  let pings = 0;
  await plane.until(() => plane.socket);
  plane.socket?.on('ping', () => pings++);
  await plane.until(() => pings >= 5);
  t.equal(plane.requests.length, 1);
});

t.test('closing says good-bye and leaves no timer behind', async (t) => {
  const { plane, connect } = await linked(t);
  const link = connect();
  await plane.until(() => plane.told('capacity')[0]);
  const closed = once(plane.socket!, 'close');
  await link.close();
  t.equal((await closed)[0], 1001);
  t.equal(plane.requests.length, 1, 'it is not dialled again');
});

t.test('a URL that can never work is refused at once, and so is a token in clear', (t) => {
  const common = { name: 'p', right: 'observe', agent: new FakeAgent(), log: silent } as const;
  for (const url of ['http://x', 'nonsense', 'wss://user:pw@x', 'wss://x/#y']) {
    t.throws(() => connectControlPlane({ ...common, url }), { code: 'invalid' }, url);
  }
  t.throws(() => connectControlPlane({ ...common, url: 'ws://192.0.2.1', token: 's' }), {
    code: 'invalid',
    message: /in clear/,
  });
  t.end();
});
