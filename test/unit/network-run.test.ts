// Commands of the host: what they say is kept, and one after another they keep their order.
import t from 'tap';
import { HostNetwork, type Run } from '../../agent/network/mod.ts';
import { run } from '../../agent/network/run.ts';

t.test('input goes in, output comes out', async (t) => {
  t.equal(await run('cat', [], 'one\ntwo\n'), 'one\ntwo\n');
  t.equal(await run('true', [], 'x'.repeat(1_000_000)), '', 'even if nobody reads the input');
});

t.test('a failure carries the command and its own words', async (t) => {
  await t.rejects(run('sh', ['-c', 'echo no such thing >&2; exit 3']), {
    code: 'internal',
    message: /'sh -c .*' failed with 3: no such thing/,
  });
  await t.rejects(run('false', []), { message: /it said nothing/ });
  await t.rejects(run('a-command-that-does-not-exist', []), {
    code: 'internal',
    message: /could not be run/,
  });
  await t.rejects(run('sh', ['-c', 'kill -9 $$']), { message: /was ended by SIGKILL/ });
});

t.test('what a failing command says is kept within bounds', async (t) => {
  const error: Error = await run('sh', ['-c', 'yes complaint | head -c 1000000 >&2; exit 1']).catch((e) => e);
  t.ok(error.message.length < 10_000);
});

const vnic = { id: 'vnic-00000001', device: 'ikt00000001', bridge: 'ikb00000001', mac: '52:54:00:00:00:01' };

t.test('rule transactions run one at a time, the first with the tables’ frame', async (t) => {
  const texts: string[] = [];
  let running = 0;
  const slow: Run = async (_command, _args, input = '') => {
    running += 1;
    t.equal(running, 1, 'alone');
    texts.push(input);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return '';
  };
  const network = new HostNetwork({ prefix: 'ik', run: slow });
  await Promise.all([network.ensureVNic(vnic), network.ensureVNic(vnic), network.ensureVNic(vnic)]);
  t.same(
    texts.map((text) => text.includes('add table bridge ik')),
    [true, false, false],
  );
});

t.test('a flushed ruleset is made again by the next change', async (t) => {
  const texts: string[] = [];
  const flushed: Run = async (_command, _args, input = '') => {
    if (texts.push(input) === 2) throw new Error('No such file or directory');
    return '';
  };
  const network = new HostNetwork({ prefix: 'ik', run: flushed });
  await network.ensureVNic(vnic);
  await network.ensureVNic(vnic);
  t.same(
    texts.map((text) => text.includes('add table bridge ik')),
    [true, false, true],
  );
});

t.test('one failing transaction does not stop the next', async (t) => {
  let calls = 0;
  const network = new HostNetwork({
    prefix: 'ik',
    run: async () => {
      calls += 1;
      if (calls === 1) throw new Error('refused');
      return '';
    },
  });
  await t.rejects(network.ensureVNic(vnic), { message: 'refused' });
  await network.ensureVNic(vnic);
});

t.test('a plan that is wrong runs nothing', async (t) => {
  const network = new HostNetwork({
    prefix: 'ik',
    run: async () => t.fail('ran something') as unknown as string,
  });
  await t.rejects(network.ensureVNic({ ...vnic, mac: 'ff:ff:ff:ff:ff:ff' }), { code: 'invalid' });
  await t.rejects(network.removeVNic('a b'), { code: 'invalid' });
  await t.rejects(network.removeVNet('vnet-x'), { code: 'invalid' });
  t.throws(() => new HostNetwork({ prefix: 'Innkeeper' }), { code: 'invalid' });
});
