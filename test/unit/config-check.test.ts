// `innkeeper config check` names every mistake with its line and what should be there.
import t from 'tap';
import { configMistakes } from '../../agent/config/check.ts';
import { tomlFile } from '../../scripts/package/config-reference.ts';

t.test('a file without mistakes has none', async (t) => {
  t.same(configMistakes(''), []);
  t.same(configMistakes(tomlFile()), []);
});

t.test('a file that is no TOML: the line where it stops being one', async (t) => {
  const [mistake, ...others] = configMistakes('prefix = "ik"\nmtu = = 3\n');
  t.equal(mistake?.line, 2);
  t.same(others, []);
});

t.test('each mistake has its own line', async (t) => {
  const text = [
    'mtu = 1400', // belongs to [network]
    '[network]',
    'mtu = 3',
    'lease_seconds = "a day"',
    '[[pool]]',
    'name = "a"',
    'path = "relative"',
    '[[pool]]',
    'name = "b"',
    'kind = "zfs"',
    '[[vserver_type]]',
    'name = "x"',
    'memory_mib = 64',
  ].join('\n');
  const found = configMistakes(text).map(({ line, reason }) => `${line}: ${reason}`);
  t.same(found, [
    '1: mtu is not a known field.',
    '3: network.mtu is wrong: expected integer to be greater or equal to 576.',
    '4: network.lease_seconds is wrong: expected integer.',
    '7: pool.0: path is not as it should be: An absolute path.',
    '10: pool.1: kind must be one of directory, nfs, lvm-thin.',
    '11: vserver_type.0.vcpus is missing.',
  ]);
});

t.test('a name that is given twice', async (t) => {
  const type = '[[vserver_type]]\nname = "x"\nvcpus = 1\nmemory_mib = 64\n';
  t.match(configMistakes(type + type), [{ reason: /the name x is given twice/ }]);
});
