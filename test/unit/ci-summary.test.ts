// The number CI prints is counted from the TAP stream, and a stream that breaks off never counts as passed.
import t from 'tap';
import { failedFiles, replaced } from '../../scripts/ci/judge.ts';
import { summarize } from '../../scripts/ci/tap-summary.ts';

const file = (points: string, end: string) => `TAP version 14\n# Subtest: a.test.ts\n${points}${end}`;

t.test('leaves are counted, the points that close subtests are not', async (t) => {
  const summary = summarize(file('    ok 1 - one\n    ok 2 - two\n    1..2\n', 'ok 1 - a.test.ts\n1..1\n'));
  t.match(summary, { passed: 2, failures: [] });
});

t.test('lines that are not TAP, before and between, do not matter', async (t) => {
  const tap = `setup: npm packages\n${file('    noise\n    ok 1 - one\n    1..1\n', 'ok 1 - a.test.ts\n1..1\n')}`;
  t.match(summarize(tap), { passed: 1, failures: [] });
});

t.test('a failed assertion is one failure with its place and diagnostics', async (t) => {
  const point = '    not ok 1 - sum\n      ---\n      wanted: 4\n      ...\n    1..1\n';
  const { passed, failures } = summarize(file(point, 'not ok 1 - a.test.ts\n1..1\n'));
  t.equal(passed, 0);
  t.same(failures, [{ path: ['a.test.ts', 'sum'], detail: { wanted: 4 } }]);
});

t.test('a file that ends badly after good tests is a failure', async (t) => {
  const tap = file('    ok 1 - one\n    1..1\n', 'not ok 1 - a.test.ts\n  ---\n  exitCode: 7\n  ...\n1..1\n');
  t.match(summarize(tap), { passed: 1, failures: [{ path: ['a.test.ts'], detail: { exitCode: 7 } }] });
});

t.test('a file that ran out of time is a failure', async (t) => {
  const tap = file('    ok 1 - one\n    not ok 2 - timeout!\n    1..2\n', 'not ok 1 - a.test.ts\n1..1\n');
  t.match(summarize(tap), { passed: 1, failures: [{ path: ['a.test.ts', 'timeout!'] }] });
});

t.test('a stream that breaks off is a failure', async (t) => {
  t.equal(summarize(file('    ok 1 - one\n', '')).failures.length > 0, true);
  t.equal(summarize('TAP version 14\nok 1 - one\n1..3\n').failures.length > 0, true);
});

t.test('a bail-out is a failure', async (t) => {
  t.equal(summarize('TAP version 14\nok 1 - one\nBail out! no disk\n').failures.length, 1);
});

t.test('nothing at all is a failure', async (t) => {
  t.same(summarize('').failures, [{ path: [], detail: 'no test was run' }]);
});

t.test('skipped tests are not passed ones', async (t) => {
  t.match(summarize('TAP version 14\nok 1 - later # SKIP\n1..1\n'), { passed: 0, skipped: 1 });
});

t.test('a second look replaces what the first one found in those files, and nothing else', async (t) => {
  const good = '# Subtest: a.test.ts\n    ok 1 - one\n    1..1\nok 1 - a.test.ts\n';
  const bad =
    '# Subtest: b.test.ts\n    ok 1 - two\n    not ok 2 - three\n    1..2\nnot ok 2 - b.test.ts\n1..2\n';
  const first = summarize(`TAP version 14\n${good}${bad}`);
  t.same(failedFiles(first), ['b.test.ts']);
  const mended = '# Subtest: b.test.ts\n    ok 1 - two\n    ok 2 - three\n    1..2\nok 1 - b.test.ts\n1..1\n';
  const second = summarize(`TAP version 14\n${mended}`);
  t.match(replaced(first, ['b.test.ts'], second), { passed: 3, failures: [] });
  t.match(replaced(first, ['b.test.ts'], first), { failures: [{ path: ['b.test.ts', 'three'] }] });
});

t.test('a failure that is no file of tests is looked at with its whole stage', async (t) => {
  t.equal(failedFiles(summarize('TAP version 14\nnot ok 1 - the check passes\n1..1\n')), undefined);
});
