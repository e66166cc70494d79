// The small clocks of the link: back-off and heartbeat, on a clock of the test's own.
import t from 'tap';
import { Backoff } from '../../agent/control-plane/backoff.ts';
import type { Clock } from '../../agent/control-plane/clock.ts';
import { Heartbeat } from '../../agent/control-plane/heartbeat.ts';

/** A clock that goes when told. */
class HandClock implements Clock {
  #now = 0;
  #timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter((each) => each.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#now = next.at;
      this.#timers = this.#timers.filter((each) => each !== next);
      next.callback();
    }
    this.#now = end;
  }

  get waiting(): number {
    return this.#timers.length;
  }
}

t.test('the ceiling of the waits doubles up to the highest, and never ends', (t) => {
  const backoff = new Backoff({ min: 100, first: 1_000, max: 5_000, random: () => 1 });
  const waits = Array.from({ length: 6 }, () => backoff.next());
  t.same(waits, [1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
  for (let i = 0; i < 10_000; i++) backoff.next();
  t.equal(backoff.next(), 5_000, 'after ten thousand failures it still tries');
  backoff.reset();
  t.equal(backoff.next(), 1_000);
  t.end();
});

t.test('no wait is shorter than the shortest', (t) => {
  const backoff = new Backoff({ min: 100, first: 1_000, max: 5_000, random: () => 0 });
  t.same([backoff.next(), backoff.next()], [100, 100]);
  t.end();
});

t.test('two hosts do not come back at the same moment', (t) => {
  const waits = Array.from({ length: 200 }, () => new Backoff({ min: 0, first: 10_000, max: 60_000 }).next());
  t.ok(new Set(waits).size > 150, 'first waits are spread');
  t.ok(waits.every((wait) => wait >= 0 && wait <= 10_000));
  t.end();
});

function beat() {
  const clock = new HandClock();
  const seen: string[] = [];
  const note = (what: string) => () => seen.push(`${what} at ${clock.now()}`);
  const heartbeat = new Heartbeat({
    clock,
    interval: 20,
    timeout: 10,
    ping: note('ping'),
    dead: note('dead'),
  });
  return { clock, seen, heartbeat };
}

t.test('silence is asked about once, then believed', (t) => {
  const { clock, seen } = beat();
  clock.advance(1_000);
  t.same(seen, ['ping at 20', 'dead at 30']);
  t.equal(clock.waiting, 0);
  t.end();
});

t.test('anything heard puts off the question and its consequence', (t) => {
  const { clock, seen, heartbeat } = beat();
  clock.advance(15);
  heartbeat.heard();
  clock.advance(19);
  t.same(seen, [], 'heard at 15: nothing to ask until 35');
  clock.advance(5);
  heartbeat.heard();
  clock.advance(19);
  t.same(seen, ['ping at 35']);
  t.end();
});

t.test('a stopped heartbeat stays stopped, even if a late frame comes', (t) => {
  const { clock, seen, heartbeat } = beat();
  heartbeat.stop();
  heartbeat.heard();
  clock.advance(1_000);
  t.same(seen, []);
  t.equal(clock.waiting, 0);
  t.end();
});
