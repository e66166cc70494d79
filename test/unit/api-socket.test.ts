// The socket of the local API: who may open it, and who may not be thrown off it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import t from 'tap';
import { startLocalApi } from '../../agent/api/local-api.ts';
import { FakeAgent } from '../helpers/fake-agent.ts';
import { ask, fakeApi, silent, socketPath } from '../helpers/local-api.ts';

const start = (path: string, more = {}) =>
  startLocalApi({ agent: new FakeAgent(), socketPath: path, log: silent, ...more });

t.test('the socket is for its owner and group only', async (t) => {
  const { path } = await fakeApi(t);
  t.equal((await stat(path)).mode & 0o777, 0o660);
});

t.test('mode and group are what the configuration says', async (t) => {
  const path = await socketPath(t);
  const group = process.getgid?.() ?? 0;
  const api = await start(path, { mode: 0o600, group });
  t.teardown(() => api.close());
  const found = await stat(path);
  t.equal(found.mode & 0o777, 0o600);
  t.equal(found.gid, group);
});

t.test('a group that does not exist is named in the error', async (t) => {
  const path = await socketPath(t);
  await t.rejects(start(path, { group: 'no-such-group' }), { code: 'invalid', message: /no-such-group/ });
});

t.test('a second agent on a live socket is refused and does no harm', async (t) => {
  const { path } = await fakeApi(t);
  await t.rejects(start(path), { code: 'conflict', message: /already answers/ });
  t.equal((await ask(path, 'GET /healthz')).status, 200);
});

t.test('the socket of an agent that was killed is taken over', async (t) => {
  const path = await socketPath(t);
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.ok((await stat(path)).isSocket(), 'it left its socket behind');
  const api = await start(path);
  t.teardown(() => api.close());
  t.equal((await ask(path, 'GET /healthz')).status, 200);
});

t.test('a file or a link in the place of the socket stays', async (t) => {
  const path = await socketPath(t);
  await writeFile(path, 'precious');
  await t.rejects(start(path), { code: 'invalid', message: /no socket/ });
  t.equal((await stat(path)).size, 8);
  await symlink('/dev/null', `${path}.link`);
  await t.rejects(start(`${path}.link`), { code: 'invalid' });
});

t.test('a path that no socket address can hold is refused', async (t) => {
  await t.rejects(start(`/tmp/${'x'.repeat(120)}`), { code: 'invalid', message: /107 bytes/ });
});

t.test('closing removes the socket and ends everything open', async (t) => {
  const { api, path } = await fakeApi(t);
  const idle = connect(path);
  await once(idle, 'connect');
  idle.on('error', () => undefined);
  await api.close();
  await once(idle, 'close');
  await t.rejects(stat(path), { code: 'ENOENT' });
  t.ok(idle.destroyed);
});
