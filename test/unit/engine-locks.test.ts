// What an operation holds: looked up again when its turn comes, in part only while it begins, and what it makes.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from '@sinclair/typebox';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { Host, type HostParts } from '../../agent/host.ts';
import { Inventory } from '../../agent/inventory/inventory.ts';
import { OperationEngine } from '../../agent/operations/engine.ts';
import { JournalStore } from '../../agent/operations/journal-store.ts';
import { defineOperation, type OperationKind } from '../../agent/operations/kind.ts';

const caller = { name: 'test', right: 'administer' } as const;

/** An engine, and a maker of one-step kinds whose step lasts until `end` is called with the operation's name. */
async function engineWith(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'ik-locks-'));
  const inventory = await Inventory.open(join(folder, 'db'));
  const parts = { inventory, hypervisor: { connected: true }, log: pino({ enabled: false }) };
  const host = new Host(parts as unknown as HostParts);
  const engine = new OperationEngine(host, new Map(), new JournalStore(inventory.database));
  t.teardown(async () => {
    await inventory.close();
    await rm(folder, { recursive: true });
  });
  const did: string[] = [];
  const params = Type.Object({});
  type Locks = Pick<OperationKind, 'locks' | 'locksAtBegin' | 'locksOf'>;
  const start = (name: string, locks: Locks) => {
    const ending = Promise.withResolvers<void>();
    const http = { verb: 'POST', path: '/v1/x' } as const;
    const definition = {
      name,
      summary: '',
      right: 'operate',
      kind: 'operation',
      params,
      result: Type.Unknown(),
      http,
    } as const;
    const kind = defineOperation<typeof params, object>({
      ...(locks as object as { locks: () => string[] }),
      definition,
      begin() {
        did.push(`begin ${name}`);
        return {};
      },
      steps: [{ name: 'only', run: () => ending.promise }],
      finish: () => did.push(`end ${name}`),
      abandon() {},
    }) as unknown as OperationKind;
    const begun = engine.start(kind, {}, caller);
    return { begun, end: ending.resolve, over: async () => (await begun).done };
  };
  return { start, did };
}

t.test('who waited for something that has moved waits for where it is now', async (t) => {
  const { start, did } = await engineWith(t);
  let place = 'a';
  const first = start('first', { locks: () => ['disk', 'a'] });
  const other = start('other', { locks: () => ['b'] });
  await Promise.all([first.begun, other.begun]);
  const late = start('late', { locks: () => ['disk', place] });
  place = 'b';
  first.end();
  await first.over();
  other.end();
  late.end();
  await Promise.all([other.over(), late.over()]);
  t.same(did, ['begin first', 'begin other', 'end first', 'end other', 'begin late', 'end late']);
});

t.test('what is held only at the beginning is waited for, and free afterwards', async (t) => {
  const { start, did } = await engineWith(t);
  const first = start('first', { locks: () => ['server'] });
  await first.begun;
  const copy = start('copy', { locks: () => ['disk'], locksAtBegin: () => ['server'] });
  first.end();
  await copy.begun;
  const quick = start('quick', { locks: () => ['server'] });
  quick.end();
  await quick.over();
  const next = start('next', { locks: () => ['disk'] });
  copy.end();
  next.end();
  await next.over();
  t.same(did, [
    'begin first',
    'end first',
    'begin copy',
    'begin quick',
    'end quick',
    'end copy',
    'begin next',
    'end next',
  ]);
});

t.test('what is being made is held by who makes it', async (t) => {
  const { start, did } = await engineWith(t);
  const maker = start('maker', { locks: () => [], locksOf: () => ['new'] });
  await maker.begun;
  const user = start('user', { locks: () => ['new'] });
  maker.end();
  user.end();
  await Promise.all([maker.over(), user.over()]);
  t.same(did, ['begin maker', 'end maker', 'begin user', 'end user']);
});
