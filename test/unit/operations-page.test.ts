// docs/operations.md has a row for every method there is, and each names tests that exist and use it.
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { OPERATIONS } from '../../agent/operations/kinds.ts';
import { QUERIES } from '../../agent/queries/queries.ts';
import { ERROR_CODES } from '../../agent/resources/errors.ts';

const root = new URL('../../', import.meta.url);
const page = await readFile(new URL('docs/operations.md', root), 'utf8');
const rows = [...page.matchAll(/^\| +`(\w+)`( →)? +\|(.*)\|(.*)\|(.*)\|$/gm)].map(
  ([, method = '', forward, , errors = '', tests = '']) => ({
    method,
    forward: forward !== undefined,
    errors: [...errors.matchAll(/`([a-z-]+)`/g)].map(([, code]) => code!),
    tests: [...tests.matchAll(/`([^`]+)`/g)].map(([, path]) => path!),
  }),
);

t.test('every method has one row', async (t) => {
  const methods = [...OPERATIONS, ...QUERIES].map(({ definition }) => definition.name);
  t.same(rows.map(({ method }) => method).sort(), methods.sort());
});

t.test('what only goes forward is marked', async (t) => {
  const forward = OPERATIONS.filter((kind) => kind.forwardOnly).map(({ definition }) => definition.name);
  t.same(rows.flatMap(({ method, forward }) => (forward ? [method] : [])).sort(), forward.sort());
});

t.test('every code is one of ours', async (t) => {
  for (const { method, errors } of rows) {
    const known = Object.keys(ERROR_CODES);
    // `track`, `since` and `vdisk:` are parameters, not codes.
    t.same(
      errors.filter((code) => code.includes('-') && !known.includes(code)),
      [],
      method,
    );
  }
});

t.test('every test named exists and calls the method', async (t) => {
  for (const { method, tests } of rows) {
    t.ok(tests.length > 0, `${method} is shown by a test`);
    for (const path of tests) {
      const text = await readFile(new URL(path, root), 'utf8');
      t.ok(text.includes(method), `${path} uses ${method}`);
    }
  }
});
