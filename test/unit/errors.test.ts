// The one registry of error codes and its page say the same.
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { ERROR_CODES, InnkeeperError, toInnkeeperError } from '../../agent/resources/errors.ts';
import { DriverError } from '../../drivers/hypervisor.ts';

t.test('docs/errors.md lists every code with its meaning, and no other', async (t) => {
  const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z-]+)` +\| (.+?) +\|$/gm)].map(([, code, meaning]) => [
    code,
    meaning,
  ]);
  t.same(Object.fromEntries(rows), ERROR_CODES);
});

t.test('an error of a driver keeps its code and its cause, anything else is internal', async (t) => {
  const driver = new DriverError('unsupported', 'No QMP here.');
  const translated = toInnkeeperError(driver, { vserver: 'vs-1' });
  t.match(translated.toJSON(), { code: 'unsupported', message: 'No QMP here.', ids: { vserver: 'vs-1' } });
  t.equal(translated.cause, driver);
  t.equal(toInnkeeperError(new TypeError('x')).code, 'internal');
  const own = new InnkeeperError('conflict', 'Taken.');
  t.equal(toInnkeeperError(own), own);
});
