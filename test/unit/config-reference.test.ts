// Every configuration key is described, and the page and the installed file say what the schema says.
import { readFile } from 'node:fs/promises';
import { parse } from 'smol-toml';
import t from 'tap';
import { checkConfig } from '../../agent/config/config.ts';
import { configurePage, sections, tomlFile } from '../../scripts/package/config-reference.ts';

t.test('every key says what it means', async (t) => {
  for (const { header, keys } of sections()) {
    for (const { name, schema } of keys) t.type(schema.help, 'string', `${header} ${name}`);
  }
});

t.test('docs/configure.md is what the schema gives (npm run config-page)', async (t) => {
  const page = await readFile(new URL('../../docs/configure.md', import.meta.url), 'utf8');
  t.equal(page, configurePage());
});

t.test('the installed file changes nothing', async (t) => {
  t.same(checkConfig(parse(tomlFile())), checkConfig({}));
});

t.test('its comments show the defaults', async (t) => {
  // What is only an example: pools, control planes and the provider's network.
  const { pool, control_plane, control_plane_listener, api_listener, hook, inet, ...file } = parse(
    tomlFile().replace(/^#(?! )/gm, ''),
  );
  t.same(checkConfig(file), checkConfig({}));
});

t.test('its examples are valid when their comments are removed', async (t) => {
  // Two control planes of one name would be refused.
  const { control_plane, pool, ...file } = parse(tomlFile().replace(/^# ?(?=\[|[a-z_0-9]+ = )/gm, ''));
  t.equal((control_plane as object[]).length, 1);
  const config = checkConfig(file);
  // All of the same name here.
  const kinds = (pool as object[]).map((one) => checkConfig({ pool: [one] }).pool[0]?.kind);
  t.same(kinds, ['directory', 'nfs', 'lvm-thin']);
  t.equal(config.control_plane_listener?.port, 8443);
});
