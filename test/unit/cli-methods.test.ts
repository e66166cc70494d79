// The command, the HTTP API and the agent's own table of methods agree with each other.
import t from 'tap';
import { COMMANDS } from '../../agent/cli/commands/commands.ts';
import type { MethodDefinition } from '../../agent/methods.ts';
import { OPERATIONS } from '../../agent/operations/kinds.ts';
import { QUERIES } from '../../agent/queries/queries.ts';
import { FakeAgent } from '../helpers/fake-agent.ts';
import { ask, fakeApi } from '../helpers/local-api.ts';

const methods = new Map<string, MethodDefinition>(
  [...OPERATIONS, ...QUERIES].map(({ definition }) => [definition.name, definition as MethodDefinition]),
);

t.test('every command calls a method there is, with parameters it takes', (t) => {
  for (const row of COMMANDS) {
    const definition = methods.get(row.method);
    const name = `innkeeper ${row.noun} ${row.verb}`;
    if (!definition) {
      t.fail(`${name}: there is no method ${row.method}`);
      continue;
    }
    t.equal(row.operation ? 'operation' : 'query', definition.kind, `${name} is a ${definition.kind}`);
    const takes = Object.keys(definition.params.properties);
    const options = (row.options ?? []).filter(({ param }) => param !== '');
    const gives = [...(row.arguments ?? []), ...options].map(({ param }) => param);
    t.same(
      gives.filter((param) => !takes.includes(param)),
      [],
      `${name} gives nothing unknown`,
    );
    const needs: string[] = (definition.params.required ?? []).filter((param: string) => param !== 'vnics');
    t.same(
      needs.filter((param) => !gives.includes(param)),
      [],
      `${name} can give all that is needed`,
    );
  }
  t.end();
});

t.test('every method has a place of its own in the HTTP API', async (t) => {
  const agent = new FakeAgent();
  agent.methods.clear();
  for (const [name, definition] of methods) agent.methods.set(name, definition);
  const { path } = await fakeApi(t, agent);
  const { body } = await ask(path, 'GET /v1/openapi.json');
  const described = Object.values<Record<string, { operationId: string }>>(body.paths).flatMap((verbs) =>
    Object.values(verbs).map(({ operationId }) => operationId),
  );
  for (const name of methods.keys()) t.ok(described.includes(name), name);
});
