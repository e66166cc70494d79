// The benchmarks' frame: every case takes its turn in every place, and medians are medians.
import t from 'tap';
import { measure, median } from '../../bench/lib/measure.ts';

t.test('the median is the middle value, or the mean of the two in the middle', async (t) => {
  t.equal(median([10, 1, 2]), 2);
  t.equal(median([4, 1, 2, 100]), 3);
  t.throws(() => median([]), RangeError);
});

t.test('cases are interleaved, each first in its turn, after a round that is not counted', async (t) => {
  let order = '';
  let closed = false;
  const step = (letter: string) => async () => {
    order += letter;
  };
  const result = await measure({
    name: 'x',
    rounds: 3,
    prepare: async () => ({
      cases: { a: step('a'), b: step('b'), c: step('c') },
      close: async () => {
        closed = true;
      },
    }),
    ratios: (medians) => ({ a_vs_b: medians.a! / medians.b! }),
  });
  t.equal(order, 'abc' + 'abc' + 'bca' + 'cab');
  t.equal(result.samples.a?.length, 3);
  t.ok(closed);
  t.same(Object.keys(result.ratios), ['a_vs_b']);
});

t.test('a case may measure itself', async (t) => {
  const result = await measure({
    name: 'x',
    rounds: 3,
    prepare: async () => ({
      cases: {
        load: async () =>
          new Map([
            ['mean', 2],
            ['p99', 8],
          ]),
      },
      close: async () => {},
    }),
    ratios: (medians) => ({ spread: medians.p99! / medians.mean! }),
  });
  t.same(result.samples, { mean: [2, 2, 2], p99: [8, 8, 8] });
  t.same(result.ratios, { spread: 4 });
});

t.test('what was prepared is taken down even when a case fails', async (t) => {
  let closed = false;
  const session = {
    cases: {
      broken: async () => {
        throw new Error('broken');
      },
    },
    close: async () => {
      closed = true;
    },
  };
  await t.rejects(
    measure({ name: 'x', rounds: 1, prepare: async () => session, ratios: () => ({}) }),
    /broken/,
  );
  t.ok(closed);
});
