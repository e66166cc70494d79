// What a medium may hold, what is refused, and how names become identifiers.
import t from 'tap';
import { ISO_LEVEL_2, identify, JOLIET, type Naming } from '../../contextualization/iso9660/identifiers.ts';
import { buildTree } from '../../contextualization/iso9660/tree.ts';
import { layOut, type MediumFile } from '../../contextualization/mod.ts';
import { randomTree } from '../helpers/iso-trees.ts';

const empty = new Uint8Array();
const file = (path: string): MediumFile => ({ path, content: empty });

function identifiers(names: string[], naming: Naming): string[] {
  const tree = buildTree(names.map(file));
  return [...identify(tree.children, naming).values()].map(({ bytes }) =>
    naming === JOLIET ? Buffer.from(bytes).swap16().toString('utf16le') : bytes.toString('latin1'),
  );
}

t.test('paths that are no relative paths are refused', async (t) => {
  const wrong = ['', '/', '/a', 'a/', 'a//b', '.', '..', 'a/../b', './a', 'a\0b', 'a/\ud800'];
  for (const path of wrong) {
    t.throws(() => buildTree([file(path)]), { name: 'ContextError', code: 'invalid' }, JSON.stringify(path));
  }
});

t.test('the same path twice, or as file and directory, is refused', async (t) => {
  for (const paths of [
    ['a', 'a'],
    ['a', 'a/b'],
    ['a/b', 'a'],
    ['a/b/c', 'a/b'],
  ]) {
    t.throws(() => buildTree(paths.map(file)), { code: 'invalid' }, paths.join(', '));
  }
});

t.test('what ISO 9660 cannot represent is refused with a clear word', async (t) => {
  t.throws(() => buildTree([file('é'.repeat(127))]), { code: 'unsupported', message: /253 bytes/ });
  t.throws(() => buildTree([file('1/2/3/4/5/6/7/8/9')]), { code: 'unsupported', message: /levels/ });
  const huge = { path: 'a', content: { file: '/nowhere', size: 2 ** 32 } };
  t.throws(() => buildTree([huge]), { code: 'unsupported', message: /4 GiB/ });
  for (const size of [-1, 0.5, Number.NaN]) {
    t.throws(() => buildTree([{ path: 'a', content: { file: '/nowhere', size } }]), { code: 'invalid' });
  }
  t.throws(() => buildTree([{ ...file('a'), mode: 0o10000 }]), { code: 'invalid', message: /mode/ });
});

t.test('253 bytes and eight levels are accepted', async (t) => {
  t.equal(buildTree([file('x'.repeat(253)), file('1/2/3/4/5/6/7/8')]).children.length, 2);
});

t.test('labels and times that do not fit are refused', async (t) => {
  for (const label of ['', ' a', 'a ', 'x'.repeat(33), 'é', 'a\nb']) {
    t.throws(() => layOut({ label, files: [] }), { code: 'invalid' }, JSON.stringify(label));
  }
  for (const time of [new Date('1899-12-31'), new Date('2156-01-01'), new Date(Number.NaN)]) {
    t.throws(() => layOut({ label: 'A', files: [], time }), { code: 'invalid' });
  }
});

t.test('names become level 2 identifiers', async (t) => {
  t.same(
    identifiers(
      ['context.sh', 'meta-data', '.hidden', 'a.b.tar', 'é.ü', `${'long'.repeat(20)}.txt`],
      ISO_LEVEL_2,
    ),
    ['_HIDDEN.;1', 'A_B.TAR;1', 'CONTEXT.SH;1', `${'LONG'.repeat(6)}LON.TXT;1`, 'META_DATA.;1', '_._;1'],
  );
});

t.test('colliding identifiers are told apart, the same way for every order of input', async (t) => {
  const names = ['a-b', 'a_b', 'A+B', 'a b', `${'x'.repeat(70)}1`, `${'x'.repeat(70)}2`];
  const result = [
    'A_B.;1',
    'A_B_1.;1',
    'A_B_2.;1',
    'A_B_3.;1',
    `${'X'.repeat(30)}.;1`,
    `${'X'.repeat(28)}_1.;1`,
  ];
  t.same(identifiers(names, ISO_LEVEL_2), result);
  t.same(identifiers([...names].reverse(), ISO_LEVEL_2), result);
  t.same(
    identifiers(['README', 'readme'], JOLIET),
    ['README;1', 'readme_1;1'],
    'Windows could open only one',
  );
});

t.test('Joliet keeps Unicode and replaces what Windows reserves', async (t) => {
  t.same(identifiers(['世界.txt', 'a:b?c', '🎉'], JOLIET), ['a_b_c;1', '世界.txt;1', '_;1']);
  const [long] = identifiers([`${'é'.repeat(100)}.conf`], JOLIET);
  t.equal(long, `${'é'.repeat(59)}.conf;1`);
});

t.test('thousands of names that collide are told apart in reasonable time', async (t) => {
  const names = Array.from({ length: 5000 }, (_, i) => `${'y'.repeat(100)}${i}`);
  const all = identifiers(names, ISO_LEVEL_2);
  t.equal(new Set(all).size, 5000);
  t.ok(all.every((name) => name.length <= 33));
});

t.test('the layout does not depend on the order of the files', async (t) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const files = randomTree(seed);
    const one = layOut({ label: 'A', files });
    const other = layOut({ label: 'A', files: [...files].reverse() });
    t.ok(one.head.equals(other.head), `seed ${seed}`);
    t.same(
      one.files.map(({ path }) => path),
      other.files.map(({ path }) => path),
    );
  }
});

t.test('an empty medium is laid out', async (t) => {
  const { bytes, head } = layOut({ label: 'EMPTY', files: [] });
  t.equal(bytes, head.length);
  t.equal(head.subarray(16 * 2048 + 1, 16 * 2048 + 6).toString(), 'CD001');
});
