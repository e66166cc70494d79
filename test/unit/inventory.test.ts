// The inventory keeps its word: all or nothing, in order, on disk before it counts.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { EventLog } from '../../agent/inventory/event-log.ts';
import { Inventory } from '../../agent/inventory/inventory.ts';
import type { VNet } from '../../agent/resources/vnet.ts';

const folder = await mkdtemp(join(tmpdir(), 'ik-inventory-'));
t.teardown(() => rm(folder, { recursive: true }));
let file = 0;
const fresh = () => join(folder, `${file++}.db`);

function vnet(id: string): VNet {
  return { id, name: id, creator: 'test', createTime: '', mtu: 1500, transport: { type: 'local' } };
}

t.test('what is committed is there after opening again, with its host id', async (t) => {
  const path = fresh();
  const first = await Inventory.open(path);
  await first.transact((tx) => tx.put('vnet', vnet('vnet-1')));
  const { hostId } = first;
  await first.close();
  const second = await Inventory.open(path);
  t.teardown(() => second.close());
  t.same(second.get('vnet', 'vnet-1'), vnet('vnet-1'));
  t.equal(second.hostId, hostId);
  t.equal((await stat(path)).mode & 0o777, 0o600, 'nobody else reads it');
});

t.test('a change that throws leaves nothing, neither in memory nor on disk', async (t) => {
  const path = fresh();
  const inventory = await Inventory.open(path);
  const failing = inventory.transact((tx) => {
    tx.put('vnet', vnet('vnet-1'));
    tx.event('vnet.created', { vnet: 'vnet-1' });
    throw new Error('no');
  });
  await t.rejects(failing, { message: 'no' });
  t.equal(inventory.get('vnet', 'vnet-1'), undefined);
  t.equal(inventory.lastSequence, 0);
  await inventory.close();
  const again = await Inventory.open(path);
  t.teardown(() => again.close());
  t.same(again.list('vnet'), []);
});

t.test('a check made inside a change still holds when it is written, however many ask at once', async (t) => {
  const inventory = await Inventory.open(fresh());
  t.teardown(() => inventory.close());
  const claims = Array.from({ length: 20 }, (_, index) =>
    inventory.transact((tx) => {
      if (tx.list('vnet').some(({ name }) => name === 'wanted')) throw new Error('taken');
      tx.put('vnet', { ...vnet(`vnet-${index}`), name: 'wanted' });
    }),
  );
  const outcomes = await Promise.allSettled(claims);
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
});

t.test('within a change, its own puts and removals are seen; outside, only after the commit', async (t) => {
  const inventory = await Inventory.open(fresh());
  t.teardown(() => inventory.close());
  await inventory.transact((tx) => tx.put('vnet', vnet('vnet-1')));
  await inventory.transact((tx) => {
    tx.patch('vnet', 'vnet-1', { mtu: 9000 });
    tx.put('vnet', vnet('vnet-2'));
    t.equal(tx.get('vnet', 'vnet-1')?.mtu, 9000);
    t.equal(inventory.get('vnet', 'vnet-1')?.mtu, 1500);
    t.equal(tx.list('vnet').length, 2);
    tx.remove('vnet', 'vnet-1');
    t.equal(tx.list('vnet').length, 1);
  });
  t.same(
    inventory.list('vnet').map(({ id }) => id),
    ['vnet-2'],
  );
});

t.test('events are numbered without gaps and follow live after those on disk', async (t) => {
  const inventory = await Inventory.open(fresh());
  t.teardown(() => inventory.close());
  const log = await EventLog.open(inventory);
  for (let n = 1; n <= 3; n++) await inventory.transact((tx) => tx.event('t', {}, { n }));
  const abort = new AbortController();
  const seen: number[] = [];
  const following = (async () => {
    for await (const { seq } of log.follow(1, abort.signal)) {
      seen.push(seq);
      if (seen.length === 4) abort.abort();
    }
  })();
  for (let n = 4; n <= 5; n++) await inventory.transact((tx) => tx.event('t', {}, { n }));
  await following;
  t.same(seen, [2, 3, 4, 5]);
});

t.test('an acknowledgement survives, never goes back, and never passes the last event', async (t) => {
  const path = fresh();
  const inventory = await Inventory.open(path);
  const log = await EventLog.open(inventory);
  for (let n = 0; n < 5; n++) await inventory.transact((tx) => tx.event('t', {}));
  await log.acknowledge('plane', 3);
  await log.acknowledge('plane', 2);
  t.equal(log.acknowledged('plane'), 3);
  await log.acknowledge('plane', 999);
  t.equal(log.acknowledged('plane'), 5);
  await inventory.close();
  const again = await Inventory.open(path);
  t.teardown(() => again.close());
  t.equal((await EventLog.open(again)).acknowledged('plane'), 5);
});

t.test('a database of a newer agent is refused with a sentence, and left as it is', async (t) => {
  const path = fresh();
  const inventory = await Inventory.open(path);
  await inventory.database.write([['PRAGMA user_version = 99']]);
  await inventory.close();
  await t.rejects(Inventory.open(path), { code: 'internal', message: /schema 99.*newer agent/ });
});
