// What does not end by itself: events, progress of operations, and the serial console.
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { ask, fakeApi } from '../helpers/local-api.ts';

async function open(path: string, url: string, headers = {}): Promise<IncomingMessage> {
  const sent = request({ socketPath: path, path: url, headers });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.setEncoding('utf8').on('error', () => undefined);
  return response;
}

/** Reads until the text holds `count` full items. */
async function read(response: IncomingMessage, count: number, end = '\n'): Promise<string[]> {
  let text = '';
  while (text.split(end).length <= count) text += (await once(response, 'data'))[0];
  return text.split(end).slice(0, count);
}

async function goneFrom(agent: { followers: number }): Promise<boolean> {
  for (let tries = 0; tries < 200 && agent.followers > 0; tries++) await sleep(10);
  return agent.followers === 0;
}

t.test('the events there are, and no waiting', async (t) => {
  const { agent, path } = await fakeApi(t);
  t.same((await ask(path, 'GET /v1/events')).body, '');
  for (const name of ['a', 'b', 'c']) agent.emit(name);
  const lines = String((await ask(path, 'GET /v1/events?after=1')).body)
    .trim()
    .split('\n');
  t.same(
    lines.map((line) => JSON.parse(line).seq),
    [2, 3],
  );
  t.equal((await ask(path, 'GET /v1/events?after=99')).body, '');
});

t.test('events are followed as they happen, and the reader who leaves is forgotten', async (t) => {
  const { agent, path } = await fakeApi(t);
  agent.emit('first');
  const response = await open(path, '/v1/events?after=0&follow=1');
  t.equal(response.headers['content-type'], 'application/x-ndjson');
  t.match((await read(response, 1))[0], /"first"/);
  agent.emit('second');
  t.match((await read(response, 1))[0], /"second"/);
  response.destroy();
  t.ok(await goneFrom(agent), 'nobody follows any more');
});

t.test('a browser gets Server-Sent Events and resumes by their id', async (t) => {
  const { agent, path } = await fakeApi(t);
  agent.emit('one');
  agent.emit('two');
  const headers = { accept: 'text/event-stream', 'last-event-id': '1' };
  const response = await open(path, '/v1/events?follow=1', headers);
  t.equal(response.headers['content-type'], 'text/event-stream');
  t.match((await read(response, 1, '\n\n'))[0], /^id: 2\ndata: \{.*"two"/);
  response.destroy();
});

t.test('progress of operations is followed', async (t) => {
  const { agent, path } = await fakeApi(t);
  agent.operationTime = 20;
  const response = await open(path, '/v1/operation-updates');
  const vnics: unknown[] = [];
  await ask(path, 'POST /v1/vservers', {
    name: 'w',
    type: 's',
    imageId: 'i',
    vnics,
    requestId: 'r',
    wait: false,
  });
  const lines = (await read(response, 2)).map((line) => JSON.parse(line));
  t.match(lines, [
    { id: 'r', state: 'running', progress: 50 },
    { id: 'r', state: 'done', progress: 100 },
  ]);
  response.destroy();
  t.ok(await goneFrom(agent));
});

t.test('nonsense in the query of events is refused', async (t) => {
  const { path } = await fakeApi(t);
  for (const query of ['after=-1', 'after=x', 'follow=maybe', 'since=1', 'after=1&after=2', 'after=1e400']) {
    const answer = await ask(path, `GET /v1/events?${query}`);
    t.match(answer, { status: 400, body: { error: { code: 'invalid' } } }, query);
  }
});

t.test('closing the API ends those who follow', async (t) => {
  const { api, path } = await fakeApi(t);
  const response = await open(path, '/v1/events?follow=1');
  const closed = new Promise((resolve) => response.once('close', resolve));
  await api.close();
  await closed;
  t.ok(response.destroyed);
});

function upgrade(path: string, url: string, protocol = 'innkeeper-console') {
  const sent = request({
    socketPath: path,
    path: url,
    headers: { connection: 'Upgrade', upgrade: protocol },
  });
  sent.end();
  return sent;
}

async function text(socket: Duplex, wanted: RegExp, head = ''): Promise<string> {
  let seen = head;
  while (!wanted.test(seen)) seen += (await once(socket, 'data'))[0];
  return seen;
}

t.test('a console carries raw bytes both ways until the guest ends it', async (t) => {
  const { agent, path } = await fakeApi(t);
  agent.vservers.set('vs-1', { vserverId: 'vs-1', name: 'my web' });
  const [response, socket, head] = (await once(
    upgrade(path, '/v1/vservers/my%20web/console'),
    'upgrade',
  )) as [IncomingMessage, Duplex, Buffer];
  t.equal(response.headers.upgrade, 'innkeeper-console');
  await text(socket, /console of my web\r\n/, String(head));
  socket.write('hello');
  await text(socket, /echo:hello/);
  socket.resume();
  socket.write('bye');
  await once(socket, 'close');
});

t.test('a console that cannot be opened is refused with the usual error', async (t) => {
  const { path } = await fakeApi(t);
  const cases = [
    ['/v1/vservers/none/console', 'innkeeper-console', 404, 'not-found'],
    ['/v1/vservers/none/console', 'websocket', 400, 'invalid'],
    ['/v1/vservers/%zz/console', 'innkeeper-console', 400, 'invalid'],
    ['/elsewhere', 'innkeeper-console', 400, 'invalid'],
  ] as const;
  for (const [url, protocol, status, code] of cases) {
    const [response] = (await once(upgrade(path, url, protocol), 'response')) as [IncomingMessage];
    t.equal(response.statusCode, status);
    t.match((await once(response.setEncoding('utf8'), 'data'))[0], `"code":"${code}"`);
  }
  t.match(await ask(path, 'GET /v1/vservers/x/console'), {
    status: 400,
    body: { error: { code: 'invalid' } },
  });
});

t.test('a caller who vanishes from a console, or sends no HTTP at all, harms nobody', async (t) => {
  const { agent, path } = await fakeApi(t);
  agent.vservers.set('vs-1', { vserverId: 'vs-1', name: 'web' });
  const [, socket] = (await once(upgrade(path, '/v1/vservers/web/console'), 'upgrade')) as [unknown, Duplex];
  socket.destroy();
  const garbage = connect(path);
  garbage.end(Buffer.from([0, 255, 1, 2, 13, 10, 13, 10]));
  garbage.resume();
  await once(garbage, 'close');
  t.equal((await ask(path, 'GET /healthz')).status, 200);
});
