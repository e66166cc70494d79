// Delivery of events: in order, at least once, whatever the control plane or the network does meanwhile.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { linked } from '../helpers/control-plane.ts';

/** Each number once, in order of first arrival. */
const firsts = (seen: number[]) => [...new Set(seen)];
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

t.test('events are sent, acknowledged, and not sent again', async (t) => {
  const { plane, agent, connect } = await linked(t);
  agent.emit('early');
  const link = connect();
  await plane.until(() => agent.acknowledged('plane') === 1);
  agent.emit('later');
  await plane.until(() => agent.acknowledged('plane') === 2);
  await link.close();
  agent.emit('while away');
  connect();
  await plane.until(() => plane.events.length === 3);
  t.same(plane.events, [1, 2, 3]);
  t.match(plane.told('hello')[1], { acknowledged: 2, lastSequence: 3 });
});

t.test('events are kept for a control plane from the moment it is configured', async (t) => {
  const { plane, agent, connect } = await linked(t);
  await plane.stop();
  connect();
  await plane.until(() => agent.acks.get('plane') === 0);
  agent.emit('before it first came');
  await plane.start();
  await plane.until(() => plane.events.length === 1);
});

t.test('what was not acknowledged is sent again on the next connection', async (t) => {
  const { plane, agent, connect } = await linked(t);
  plane.onEvent = () => undefined;
  for (const name of ['a', 'b', 'c']) agent.emit(name);
  connect();
  await plane.until(() => plane.events.length === 3);
  plane.acknowledge(1);
  await plane.until(() => agent.acknowledged('plane') === 1);
  plane.socket?.terminate();
  await plane.until(() => plane.events.length === 5);
  t.same(plane.events, [1, 2, 3, 2, 3]);
});

t.test('no more than the window is under way without an acknowledgement', async (t) => {
  const { plane, agent, connect } = await linked(t, { limits: { eventWindow: 4 } });
  plane.onEvent = () => undefined;
  for (const number of upTo(20)) agent.emit(`e${number}`);
  connect();
  await plane.until(() => plane.events.length === 4);
  await plane.call('getCapacity');
  t.same(plane.events, [1, 2, 3, 4], 'the fifth waits');
  plane.acknowledge(2);
  await plane.until(() => plane.events.length === 6);
  await plane.call('getCapacity');
  t.same(plane.events, upTo(6));
  plane.onEvent = (seq) => plane.acknowledge(seq);
  plane.acknowledge(6);
  await plane.until(() => agent.acknowledged('plane') === 20);
  t.same(plane.events, upTo(20));
});

t.test('acknowledging what was never sent is refused and loses nothing', async (t) => {
  const { plane, agent, connect } = await linked(t);
  plane.onEvent = () => undefined;
  agent.emit('one');
  connect();
  await plane.until(() => plane.events.length === 1);
  t.match((await plane.call('acknowledge', { seq: 50 })).error, { code: -32602, data: { code: 'invalid' } });
  t.match((await plane.call('acknowledge', { seq: -1 })).error, { code: -32602 });
  t.match((await plane.call('acknowledge', { seq: 1, more: 1 })).error, { code: -32602 });
  t.equal(agent.acknowledged('plane'), 0);
  t.same((await plane.call('acknowledge', { seq: 1 })).result, null);
  t.same((await plane.call('acknowledge', { seq: 0 })).result, null, 'a late one changes nothing');
  await plane.until(() => agent.acknowledged('plane') === 1);
});

t.test('a control plane restored from an older state gets again what it lost', async (t) => {
  const { plane, agent, connect } = await linked(t);
  for (const number of upTo(5)) agent.emit(`e${number}`);
  connect();
  await plane.until(() => agent.acknowledged('plane') === 5);
  plane.answer = { acknowledged: 2 };
  plane.socket?.terminate();
  await plane.until(() => plane.events.length === 8);
  t.same(plane.events, [1, 2, 3, 4, 5, 3, 4, 5]);
});

t.test('a control plane that kept more than it could acknowledge is not told twice', async (t) => {
  const { plane, agent, connect } = await linked(t);
  for (const number of upTo(5)) agent.emit(`e${number}`);
  plane.answer = { acknowledged: 4 };
  connect();
  await plane.until(() => agent.acknowledged('plane') === 5);
  t.same(plane.events, [5]);
});

t.test('a control plane that remembers another history of this host gets this one', async (t) => {
  const { plane, agent, connect } = await linked(t);
  agent.emit('first of a new life');
  plane.answer = { acknowledged: 4_000 };
  connect();
  await plane.until(() => agent.acknowledged('plane') === 1);
  t.same(plane.events, [1]);
});

t.test('a thousand events through drops, restarts, late acknowledgements and garbage', async (t) => {
  const { plane, agent, connect } = await linked(t, { limits: { eventWindow: 32 } });
  let unacknowledged = 0;
  plane.onEvent = (seq, socket) => {
    if (seq % 7 === 0) socket.send('{"jsonrpc":');
    if (seq % 90 === 0 && Math.random() < 0.7) return socket.terminate();
    if (++unacknowledged < 10 && seq < 1_000) return;
    unacknowledged = 0;
    setTimeout(() => plane.acknowledge(seq, socket), 2);
  };
  connect();
  const produce = (async () => {
    for (const number of upTo(1_000)) {
      agent.emit(`e${number}`);
      if (number % 10 === 0) await sleep(1);
    }
  })();
  for (const moment of [100, 400, 700]) {
    await plane.until(() => plane.events.some((seq) => seq >= moment));
    await plane.stop();
    await sleep(20);
    await plane.start();
  }
  await produce;
  await plane.until(() => agent.acknowledged('plane') === 1_000);
  t.same(firsts(plane.events), upTo(1_000), 'every event arrived, first time in order');
  t.ok(plane.requests.length > 3, `over ${plane.requests.length} connections`);
  const jumps = plane.events.filter((seq, at) => at > 0 && seq > (plane.events[at - 1] ?? 0) + 1);
  t.same(jumps, [], 'none was ever skipped');
});

t.test('a control plane that asks and never reads is cut off before it costs memory', async (t) => {
  const { plane, agent, connect } = await linked(t, {
    limits: { maxBufferedBytes: 100_000, maxRequests: 10_000 },
  });
  for (const number of upTo(200))
    agent.vservers.set(`${number}`, { vserverId: `${number}`, name: 'n'.repeat(500) });
  connect();
  await plane.until(() => plane.told('capacity')[0]);
  const socket = plane.socket!;
  socket.pause();
  const cut = once(socket, 'close');
  for (const id of upTo(300)) socket.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'listVServer' }));
  await plane.until(() => plane.requests.length === 2);
  socket.resume();
  await cut;
});
