// The operation engine: one effect per request, undone as a whole, carried on after a crash.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from '@sinclair/typebox';
import { pino } from 'pino';
import t from 'tap';
import { Host, type HostParts } from '../../agent/host.ts';
import { Inventory } from '../../agent/inventory/inventory.ts';
import { type Boundary, OperationEngine } from '../../agent/operations/engine.ts';
import { JournalStore } from '../../agent/operations/journal-store.ts';
import { defineOperation, type OperationKind, type Step } from '../../agent/operations/kind.ts';
import { InnkeeperError } from '../../agent/resources/errors.ts';

const caller = { name: 'test', right: 'administer' } as const;
const folder = await mkdtemp(join(tmpdir(), 'ik-engine-'));
t.teardown(() => rm(folder, { recursive: true }));
let file = 0;

/** A kind with three steps that write down what they do. */
function threeSteps(did: string[], hinder: (step: string) => Promise<void> | void = () => {}): OperationKind {
  const steps: Step<object>[] = ['one', 'two', 'three'].map((name) => ({
    name,
    async run({ signal }) {
      did.push(name);
      await hinder(name);
      signal.throwIfAborted();
    },
    async undo() {
      did.push(`undo ${name}`);
    },
  }));
  const params = Type.Object({ key: Type.String() });
  return defineOperation<typeof params, { key: string }>({
    definition: {
      name: 'threeSteps',
      summary: '',
      right: 'operate',
      kind: 'operation',
      params,
      result: Type.Unknown(),
      http: { verb: 'POST', path: '/v1/three' },
    },
    locks: (_host, { key }) => [`key/${key}`],
    begin({ params: { key } }) {
      if (key === 'refused') throw new InnkeeperError('wrong-state', 'No.');
      did.push('begin');
      return { key };
    },
    steps,
    finish(tx, { key }) {
      tx.event('finished', { key });
      return { key };
    },
    abandon(tx, { key }) {
      tx.event('abandoned', { key });
    },
  }) as unknown as OperationKind;
}

async function engineWith(kind: OperationKind, path = join(folder, `${file++}.db`), boundary?: Boundary) {
  const inventory = await Inventory.open(path);
  const hypervisor = { connected: true } as HostParts['hypervisor'];
  const host = new Host({ inventory, hypervisor, log: pino({ enabled: false }) } as unknown as HostParts);
  const engine = new OperationEngine(
    host,
    new Map([['threeSteps', kind]]),
    new JournalStore(inventory.database),
    boundary,
  );
  return { engine, inventory, host, path };
}

t.test(
  'steps run in order, and the same request id again gives the same answer without running',
  async (t) => {
    const did: string[] = [];
    const { engine, inventory } = await engineWith(threeSteps(did));
    t.teardown(() => inventory.close());
    const kind = threeSteps(did);
    const first = await engine.start(kind, { key: 'a' }, caller, 'request-1');
    const both = await Promise.all([
      first.done,
      (await engine.start(kind, { key: 'a' }, caller, 'request-1')).done,
    ]);
    t.same(both, [{ key: 'a' }, { key: 'a' }]);
    t.same(await (await engine.start(kind, { key: 'a' }, caller, 'request-1')).done, { key: 'a' });
    t.same(did, ['begin', 'one', 'two', 'three']);
    await t.rejects(engine.start(kind, { key: 'b' }, caller, 'request-1'), { code: 'conflict' });
  },
);

t.test('two requests with one id that arrive together have one effect', async (t) => {
  const did: string[] = [];
  const kind = threeSteps(did);
  const { engine, inventory } = await engineWith(kind);
  t.teardown(() => inventory.close());
  const both = await Promise.all([1, 2].map(() => engine.start(kind, { key: 'a' }, caller, 'same')));
  await Promise.all(both.map(({ done }) => done));
  t.same(did, ['begin', 'one', 'two', 'three']);
});

t.test(
  'a step that fails is undone with those before it, backwards, and the error is remembered',
  async (t) => {
    const did: string[] = [];
    const kind = threeSteps(did, (step) => {
      if (step === 'two') throw new InnkeeperError('no-capacity', 'Full.');
    });
    const { engine, inventory } = await engineWith(kind);
    t.teardown(() => inventory.close());
    const { done } = await engine.start(kind, { key: 'a' }, caller, 'failing');
    await t.rejects(done, { code: 'no-capacity', message: 'Full.', ids: { operation: 'failing' } });
    t.same(did, ['begin', 'one', 'two', 'undo two', 'undo one']);
    await t.rejects((await engine.start(kind, { key: 'a' }, caller, 'failing')).done, {
      code: 'no-capacity',
    });
    t.equal(did.length, 5);
  },
);

t.test('what is refused at the beginning leaves no trace, so the id may be used again', async (t) => {
  const did: string[] = [];
  const kind = threeSteps(did);
  const { engine, inventory } = await engineWith(kind);
  t.teardown(() => inventory.close());
  await t.rejects(engine.start(kind, { key: 'refused' }, caller, 'once'), { code: 'wrong-state' });
  await (await engine.start(kind, { key: 'a' }, caller, 'once')).done;
  t.same(did, ['begin', 'one', 'two', 'three']);
});

t.test('operations on one resource wait for each other, on others they do not', async (t) => {
  const did: string[] = [];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const kind = threeSteps(did, () => gate);
  const { engine, inventory } = await engineWith(kind);
  t.teardown(() => inventory.close());
  const first = await engine.start(kind, { key: 'a' }, caller);
  const second = engine.start(kind, { key: 'a' }, caller);
  const other = await engine.start(kind, { key: 'b' }, caller);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.same(did, ['begin', 'one', 'begin', 'one'], 'the second on "a" has not begun');
  open();
  await Promise.all([first.done, other.done, (await second).done]);
  t.equal(did.filter((what) => what === 'begin').length, 3);
});

t.test('a cancelled operation is undone and says so', async (t) => {
  const did: string[] = [];
  const { promise: reached, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const kind = threeSteps(did, (step) => {
    if (step !== 'two') return;
    arrive();
    return gate;
  });
  const { engine, inventory } = await engineWith(kind);
  t.teardown(() => inventory.close());
  const { id, done } = await engine.start(kind, { key: 'a' }, caller);
  await reached;
  engine.cancel(id);
  open();
  await t.rejects(done, { code: 'cancelled' });
  t.same(did.slice(-2), ['undo two', 'undo one']);
  t.throws(() => engine.cancel(id), { code: 'not-found' });
});

for (const stop of ['begin', 'one', 'two', 'three']) {
  t.test(`a process that dies after "${stop}" is carried on by the next, once`, async (t) => {
    const did: string[] = [];
    const never = new Promise<void>(() => {});
    const dying = threeSteps(did, (step) => (step === stop ? never : undefined));
    const { promise: died, resolve: die } = Promise.withResolvers<void>();
    const { engine, inventory, path } = await engineWith(dying, undefined, (_kind, step) => {
      if (step !== stop) return;
      die();
      if (stop === 'begin') throw new Error('stopped here');
    });
    await engine.start(dying, { key: 'a' }, caller, 'interrupted').catch(() => {});
    await died;
    await inventory.close();

    did.length = 0;
    const kind = threeSteps(did);
    const next = await engineWith(kind, path);
    t.teardown(() => next.inventory.close());
    await next.engine.resume();
    t.same(await (await next.engine.start(kind, { key: 'a' }, caller, 'interrupted')).done, { key: 'a' });
    const from = stop === 'begin' ? 'one' : stop;
    t.same(did, ['one', 'two', 'three'].slice(['one', 'two', 'three'].indexOf(from)));
    t.equal(next.inventory.lastSequence, 1, 'one event');
  });
}
