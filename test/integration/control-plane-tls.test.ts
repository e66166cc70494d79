// Who may talk to whom: tokens and certificates, good, foreign, expired and renewed, dialled out and dialled in.
import { on, once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { Server, TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { credentialFiles } from '../../agent/control-plane/credential-files.ts';
import { publicKeyPin } from '../../agent/control-plane/dial.ts';
import { type ControlPlaneOptions, connectControlPlane } from '../../agent/control-plane/link.ts';
import { type ListenerCredentials, listenForControlPlanes } from '../../agent/control-plane/listener.ts';
import { authority, type Pair } from '../helpers/certificates.ts';
import { FakeAgent } from '../helpers/fake-agent.ts';
import { silent, socketPath } from '../helpers/local-api.ts';

const ours = await authority(t);
const foreign = await authority(t);
const server = await ours.issue('plane');
const expiredServer = await ours.issue('plane', 'expired');
const client = await ours.issue('host-1');
const expiredClient = await ours.issue('host-1', 'expired');
const foreignClient = await foreign.issue('host-1');

/** A control plane over TLS that lets in certified agents with one of the tokens. */
async function tlsPlane(t: Test, pair: Pair, tokens: string[]) {
  const web = createServer({ ...pair, ca: ours.ca, requestCert: true, rejectUnauthorized: true });
  const failures: Error[] = [];
  const closed = { count: 0 };
  (web as unknown as Server).on('secureConnection', (socket) => socket.once('close', () => closed.count++));
  const seen: { name: unknown; token: unknown }[] = [];
  (web as unknown as Server).on('tlsClientError', (error) => failures.push(error));
  const refused: unknown[] = [];
  const sockets = new WebSocketServer({
    server: web,
    verifyClient: ({ req }: { req: import('node:http').IncomingMessage }) => {
      const token = req.headers.authorization?.replace('Bearer ', '') ?? '';
      if (!tokens.includes(token)) refused.push(token);
      return tokens.includes(token);
    },
  });
  sockets.on('connection', (socket, request) => {
    const name = (request.socket as TLSSocket).getPeerCertificate().subject.CN;
    seen.push({ name, token: request.headers.authorization });
    socket.on('error', () => undefined);
  });
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  t.teardown(() => {
    web.close();
    web.closeAllConnections();
    for (const socket of sockets.clients) socket.terminate();
  });
  const { port } = web.address() as { port: number };
  return { url: `wss://127.0.0.1:${port}`, failures, seen, refused, closed };
}

function dial(t: Test, options: Pick<ControlPlaneOptions, 'url'> & Partial<ControlPlaneOptions>) {
  const common = { name: 'p', right: 'operate', agent: new FakeAgent(), log: silent } as const;
  const link = connectControlPlane({ backoff: { min: 5, first: 10, max: 20 }, ...common, ...options });
  t.teardown(() => link.close());
  return link;
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_000 && !holds(); tries++)
    await new Promise((resolve) => setTimeout(resolve, 5));
  if (!holds()) throw new Error(`waited in vain for ${holds}`);
}

t.test('dialled out: certificate and token are both presented', async (t) => {
  const plane = await tlsPlane(t, server, ['good']);
  dial(t, { url: plane.url, ca: ours.ca, ...client, token: 'good' });
  await until(() => plane.seen.length > 0);
  t.same(plane.seen[0], { name: 'host-1', token: 'Bearer good' });
});

t.test(
  'dialled out: a control plane with a foreign or expired certificate never sees the token',
  async (t) => {
    for (const [pair, ca] of [
      [server, foreign.ca],
      [expiredServer, ours.ca],
    ] as const) {
      const plane = await tlsPlane(t, pair, ['good']);
      const link = dial(t, { url: plane.url, ca, ...client, token: 'good' });
      await until(() => plane.failures.length >= 2);
      t.same([plane.seen, plane.refused], [[], []]);
      await link.close();
    }
  },
);

t.test('dialled out: renewed credentials are taken without a restart', async (t) => {
  const plane = await tlsPlane(t, server, ['new']);
  const path = await socketPath(t);
  const files = { token: `${path}.token`, ca: `${path}.ca`, cert: `${path}.cert`, key: `${path}.key` };
  await writeFile(files.token, 'not a token\r\nX-Evil: 1');
  await writeFile(files.ca, ours.ca);
  await writeFile(files.cert, client.cert);
  await writeFile(files.key, client.key);
  await t.rejects(credentialFiles(files)(), { code: 'invalid', message: /no bearer token/ });
  await t.rejects(credentialFiles({ token: `${path}.none` })(), {
    code: 'invalid',
    message: /cannot be read/,
  });
  await writeFile(files.token, 'old\n');
  dial(t, { url: plane.url, credentials: credentialFiles(files) });
  await until(() => plane.refused.length >= 2);
  t.equal(plane.refused[0], 'old');
  await writeFile(files.token, 'new\n');
  await until(() => plane.seen.length > 0);
  t.match(plane.seen[0], { token: 'Bearer new' });
});

t.test('dialled out: a pinned public key is demanded besides a valid certificate', async (t) => {
  const plane = await tlsPlane(t, server, ['good']);
  const common = { url: plane.url, ca: ours.ca, ...client, token: 'good' };
  const other = dial(t, { ...common, pins: [publicKeyPin(expiredServer.cert)] });
  await until(() => plane.failures.length + plane.closed.count >= 2);
  t.same([plane.seen, plane.refused], [[], []], 'another key of the same authority never sees the token');
  await other.close();
  dial(t, { ...common, pins: [publicKeyPin(expiredServer.cert), publicKeyPin(server.cert)] });
  await until(() => plane.seen.length > 0);
  t.match(plane.seen[0], { name: 'host-1' });
});

type Listening = Partial<ListenerCredentials> & { host?: string; port?: number };

async function listener(t: Test, { host = '127.0.0.1', port = 0, ...given }: Listening) {
  const agent = new FakeAgent();
  const credentials: ListenerCredentials = { controlPlanes: [], ...given };
  const open = await listenForControlPlanes({
    host,
    port,
    agent,
    log: silent,
    credentials: async () => credentials,
  });
  t.teardown(() => open.close());
  return { agent, credentials, ...open };
}

/** Dials in as a control plane; gives the hello it got, or the status with which it was refused. */
async function come(t: Test, url: string, token?: string, tls: object = {}, protocol = 'innkeeper.v1') {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const socket = new WebSocket(url, protocol, { headers, ca: ours.ca, ...tls });
  t.teardown(() => socket.terminate());
  const outcome = await new Promise<{ hello?: { id: number; params: object }; status?: number }>(
    (resolve) => {
      socket.once('message', (data) => resolve({ hello: JSON.parse(String(data)) }));
      socket.once('unexpected-response', (_request, response) =>
        resolve({ status: response.statusCode ?? 0 }),
      );
      socket.once('error', () => resolve({}));
    },
  );
  return { socket, ...outcome };
}

async function call(socket: WebSocket, method: string, params: object) {
  // Listened to before asking: the answer may come in one piece with other messages, and none may be missed.
  const messages = on(socket, 'message', { close: ['close'] });
  socket.send(JSON.stringify({ jsonrpc: '2.0', id: 'c', method, params }));
  for await (const [data] of messages) {
    const message = JSON.parse(String(data));
    if (message.id === 'c') return message;
  }
  throw new Error(`the link was closed before ${method} was answered`);
}

t.test('dialled in: no token and a wrong token get nothing, each right gets what it may', async (t) => {
  const { agent, port } = await listener(t, {
    controlPlanes: [
      { name: 'watcher', right: 'observe', token: 'see' },
      { name: 'owner', right: 'operate', token: 'do' },
    ],
  });
  const url = `ws://127.0.0.1:${port}`;
  t.equal((await come(t, url)).status, 401);
  t.equal((await come(t, url, 'se')).status, 401);
  t.equal((await come(t, url, 'see', {}, 'other')).status, 400);
  const watcher = await come(t, url, 'see');
  t.match(watcher.hello, { method: 'hello', params: { hostId: 'host-1' } });
  const vserver = { name: 'web', type: 's', imageId: 'i', vnics: [] };
  t.match(await call(watcher.socket, 'createVServer', vserver), { error: { data: { code: 'forbidden' } } });
  t.match(await call(watcher.socket, 'listVServer', {}), { result: [] });
  const owner = await come(t, url, 'do');
  t.match(await call(owner.socket, 'createVServer', vserver), { result: { vserverId: 'vs-1' } });
  t.same(agent.calls.at(-1)?.caller, { name: 'owner', right: 'operate' });
});

t.test('dialled in: expired, foreign and missing certificates get nothing', async (t) => {
  const { port } = await listener(t, {
    ...server,
    ca: ours.ca,
    controlPlanes: [{ name: 'owner', right: 'operate', certificateName: 'host-1', token: 'do' }],
  });
  const url = `wss://127.0.0.1:${port}`;
  for (const pair of [{}, expiredClient, foreignClient, server]) {
    t.equal((await come(t, url, 'do', pair)).status, 401);
  }
  t.equal((await come(t, url, undefined, client)).status, 401, 'the certificate without the token');
  t.match((await come(t, url, 'do', client)).hello, { method: 'hello' });
});

t.test('dialled in: a careless configuration is refused, and nothing listens', async (t) => {
  const token = { name: 'p', right: 'observe', token: 'x' } as const;
  await t.rejects(listener(t, { host: '0.0.0.0', controlPlanes: [token] }), {
    code: 'invalid',
    message: /in clear/,
  });
  await t.rejects(listener(t, { controlPlanes: [{ name: 'p', right: 'observe' }] }), { code: 'invalid' });
  const certified = { name: 'p', right: 'observe', certificateName: 'x' } as const;
  await t.rejects(listener(t, { ...server, controlPlanes: [certified] }), {
    code: 'invalid',
    message: /authority/,
  });
  const { port } = await listener(t, { controlPlanes: [token] });
  await t.rejects(listener(t, { port, controlPlanes: [token] }), { code: 'invalid', message: /EADDRINUSE/ });
});

t.test('dialled in: renewed tokens and certificates are taken without a restart', async (t) => {
  const one = { name: 'owner', right: 'operate', token: 'old' } as const;
  const { port, credentials, reload } = await listener(t, { ...server, ca: ours.ca, controlPlanes: [one] });
  const url = `wss://127.0.0.1:${port}`;
  t.match((await come(t, url, 'old')).hello, { method: 'hello' });
  credentials.controlPlanes = [{ ...one, token: 'new' }];
  Object.assign(credentials, await foreign.issue('plane'));
  await reload();
  t.same((await come(t, url, 'new')).hello, undefined, 'the new certificate is of another authority');
  t.match((await come(t, url, 'new', { ca: foreign.ca })).hello, { method: 'hello' });
  t.equal((await come(t, url, 'old', { ca: foreign.ca })).status, 401);
  credentials.controlPlanes = [{ name: 'owner', right: 'operate' }];
  await t.rejects(reload(), { code: 'invalid' });
  t.match((await come(t, url, 'new', { ca: foreign.ca })).hello, { method: 'hello' }, 'the old ones stay');
});

t.test('dialled in: whose token is taken away has to go, and who keeps it stays', async (t) => {
  const stays = { name: 'stays', right: 'observe', token: 'a' } as const;
  const goes = { name: 'goes', right: 'operate', token: 'b' } as const;
  const { port, credentials, reload } = await listener(t, { controlPlanes: [stays, goes] });
  const url = `ws://127.0.0.1:${port}`;
  const [first, second] = [await come(t, url, 'a'), await come(t, url, 'b')];
  const closed = once(second.socket, 'close');
  credentials.controlPlanes = [stays];
  await reload();
  t.equal((await closed)[0], 1001);
  t.equal(first.socket.readyState, first.socket.OPEN);
  t.equal((await come(t, url, 'b')).status, 401);
  const weaker = once(first.socket, 'close');
  credentials.controlPlanes = [{ ...stays, right: 'operate' }];
  await reload();
  t.equal((await weaker)[0], 1001, 'another right is got by coming again');
});

t.test('dialled in: closing says good-bye to everyone', async (t) => {
  const { port, close } = await listener(t, { controlPlanes: [{ name: 'p', right: 'observe', token: 'x' }] });
  const { socket } = await come(t, `ws://127.0.0.1:${port}`, 'x');
  const closed = once(socket, 'close');
  await close();
  t.equal((await closed)[0], 1001);
  t.equal(await fetch(`http://127.0.0.1:${port}`).catch(() => 'nobody'), 'nobody');
});
