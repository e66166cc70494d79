// The local API: every method of the table by its own verb and path, and by name; refusals look alike.
import { Type } from '@sinclair/typebox';
import t from 'tap';
import { FakeAgent } from '../helpers/fake-agent.ts';
import { ask, fakeApi } from '../helpers/local-api.ts';

const web = { name: 'web', type: 'small', imageId: 'demo', vnics: [{ vnetId: 'net' }] };

t.test('a method answers on its verb and path, on behalf of the local administrator', async (t) => {
  const { agent, path } = await fakeApi(t);
  const made = await ask(path, 'POST /v1/vservers', web);
  t.equal(made.status, 200);
  t.same(made.body, { vserverId: 'vs-1' });
  t.same(agent.calls[0]?.caller, { name: 'local', right: 'administer' });
  t.match((await ask(path, 'GET /v1/vservers/web')).body, { vserverId: 'vs-1', name: 'web' });
  t.equal((await ask(path, 'DELETE /v1/vservers/vs-1')).status, 200);
  t.same((await ask(path, 'GET /v1/vservers')).body, []);
});

t.test('a name with a slash or a space reaches the agent as it was meant', async (t) => {
  const { agent, path } = await fakeApi(t);
  await ask(path, 'POST /v1/vservers', { ...web, name: 'a/b c' });
  t.match((await ask(path, `GET /v1/vservers/${encodeURIComponent('a/b c')}`)).body, { name: 'a/b c' });
  t.same(agent.calls.at(-1)?.params, { vserverId: 'a/b c' });
});

t.test('text in a query becomes the type that the schema asks for', async (t) => {
  const { agent, path } = await fakeApi(t);
  await ask(path, 'GET /v1/vservers?limit=3&state=1');
  t.same(agent.calls[0]?.params, { limit: 3, state: '1' });
  const bad = await ask(path, 'GET /v1/vservers?limit=many');
  t.match(bad, { status: 400, body: { error: { code: 'invalid' } } });
});

t.test('a body is not converted: a number sent as text is refused', async (t) => {
  const { path } = await fakeApi(t);
  const answer = await ask(path, 'POST /v1/call/listVServer', { limit: '3' });
  t.match(answer, { status: 400, body: { error: { code: 'invalid' } } });
});

t.test('an operation that is not waited for is accepted', async (t) => {
  const { path } = await fakeApi(t);
  const answer = await ask(path, 'POST /v1/vservers', { ...web, wait: false, requestId: 'r-1' });
  t.match(answer, { status: 202, body: { operationId: 'r-1' } });
});

t.test('any method can be called by its name', async (t) => {
  const { path } = await fakeApi(t);
  t.same((await ask(path, 'POST /v1/call/createVServer', web)).body, { vserverId: 'vs-1' });
  t.equal((await ask(path, 'POST /v1/call/listVServer')).body.length, 1, 'no body means no parameters');
});

t.test('unknown fields and unknown methods are refused and change nothing', async (t) => {
  const { agent, path } = await fakeApi(t);
  const field = await ask(path, 'POST /v1/vservers', { ...web, colour: 'red' });
  t.match(field, { status: 400, body: { error: { code: 'invalid', message: /colour/ } } });
  t.equal((await ask(path, 'GET /v1/vservers?colour=red')).status, 400);
  const method = await ask(path, 'POST /v1/call/__proto__', {});
  t.match(method, { status: 404, body: { error: { code: 'not-found' } } });
  t.match(await ask(path, 'GET /v1/nothing'), { status: 404, body: { error: { code: 'not-found' } } });
  t.equal(agent.calls.length, 0);
});

t.test('a parameter that says two things at once is refused', async (t) => {
  const { agent, path } = await fakeApi(t);
  const answer = await ask(path, 'POST /v1/vservers/vs-1/start', { vserverId: 'vs-2' });
  t.match(answer, { status: 400, body: { error: { code: 'invalid', message: /twice/ } } });
  t.equal(agent.calls.length, 0);
});

t.test('garbage in a body gets one clear error', async (t) => {
  const { path } = await fakeApi(t);
  for (const body of ['{', 'null x', '[1]', '"text"', '12', '\u0000\u0001', `{"a":${'['.repeat(50_000)}`]) {
    const answer = await ask(path, 'POST /v1/vservers', body);
    t.match(answer, { status: 400, body: { error: { code: 'invalid', ids: {} } } }, body.slice(0, 10));
  }
  const form = await ask(path, 'POST /v1/vservers', 'a=1', { 'content-type': 'text/plain' });
  t.match(form, { status: 400, body: { error: { code: 'invalid' } } });
  const large = await ask(path, 'POST /v1/vservers', JSON.stringify({ a: 'x'.repeat(5 * 1024 * 1024) }));
  t.match(large, { status: 400, body: { error: { code: 'invalid', message: /too large/ } } });
});

t.test('a member called __proto__ is a field like any other, and refused as unknown', async (t) => {
  const { path } = await fakeApi(t);
  const answer = await ask(path, 'POST /v1/call/getCapacity', '{"__proto__":{"a":1}}');
  t.equal(answer.status, 400);
  t.equal(({} as Record<string, unknown>).a, undefined);
});

t.test('each code has its status, and a fault of ours says so', async (t) => {
  const { path } = await fakeApi(t);
  const statuses = {
    'not-found': 404,
    'wrong-state': 409,
    'no-capacity': 507,
    forbidden: 403,
    hypervisor: 502,
  };
  for (const [code, status] of Object.entries(statuses)) {
    const answer = await ask(path, 'POST /v1/fail', { code });
    t.match(answer, { status, body: { error: { code, message: 'as asked', ids: { vserver: 'vs-1' } } } });
  }
  t.match(await ask(path, 'POST /v1/fail'), { status: 500, body: { error: { code: 'internal' } } });
});

t.test('a schema with a name stands once in the OpenAPI document', async (t) => {
  const agent = new FakeAgent();
  const thing = Type.Object({ a: Type.String() }, { $id: 'Thing' });
  for (const name of ['getCapacity', 'fail']) {
    const definition = agent.methods.get(name)!;
    agent.methods.set(name, { ...definition, result: Type.Array(thing) });
  }
  const { path } = await fakeApi(t, agent);
  const { body: document } = await ask(path, 'GET /v1/openapi.json');
  t.same(Object.keys(document.components.schemas), ['Thing', 'Error']);
  const schema = document.paths['/v1/capacity'].get.responses['200'].content['application/json'].schema;
  t.same(schema, { type: 'array', items: { $ref: '#/components/schemas/Thing' } });
  t.notMatch(JSON.stringify(document), '"$id"');
});

t.test('health and the OpenAPI document', async (t) => {
  const { agent, path } = await fakeApi(t);
  t.match((await ask(path, 'GET /healthz')).body, { status: 'ok' });
  const { body: document } = await ask(path, 'GET /v1/openapi.json');
  t.equal(document.openapi, '3.1.0');
  const operations = Object.entries<Record<string, Record<string, unknown>>>(document.paths).flatMap(
    ([at, verbs]) =>
      Object.values(verbs).map((operation) => ({ at, ...operation }) as Record<string, unknown>),
  );
  const ids = operations.map(({ operationId }) => operationId);
  t.equal(new Set(ids).size, ids.length, 'operation ids are unique');
  for (const name of agent.methods.keys()) t.ok(ids.includes(name), `${name} is described`);
  for (const { at, parameters } of operations) {
    const declared = ((parameters ?? []) as { name: string; in: string }[]).filter(
      (each) => each.in === 'path',
    );
    const inPath = [...String(at).matchAll(/\{(\w+)\}/g)].map((found) => found[1]);
    t.same(declared.map(({ name }) => name).sort(), inPath.sort(), `${at} declares its path parameters`);
  }
  const create = document.paths['/v1/vservers'].post.requestBody.content['application/json'].schema;
  t.same(create.required, ['name', 'type', 'imageId', 'vnics']);
  t.equal(create.additionalProperties, false);
});
