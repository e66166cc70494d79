// Drives perfdhcp, the load generator of Kea, and finds the rate at which a server begins to lose exchanges.
import { execFile } from 'node:child_process';

export interface Load {
  /** Namespace with `eth0`, from where the load comes. */
  namespace: string;
  /** Address of the server. */
  server: string;
  /** File with the clients' MACs, and how many there are. */
  macs: string;
  clients: number;
}

export interface LoadResult {
  /** Four-way exchanges completed in a second. */
  rate: number;
  /** Part of the messages that were not answered, 0 to 1. */
  loss: number;
  /** Mean time to an answer, of OFFERs and ACKs alike. */
  delayMs: number;
}

const FIRST_RATE = 500;
const HALVINGS = 4;
const MOST_LOSS = 0.01;
/** Below this part of the wanted rate it is the generator that cannot keep up, or the server that holds it back. */
const LEAST_PART = 0.9;
const SECONDS = 2;

/** Offers `rate` exchanges a second for so long, open loop. */
export async function applyLoad(load: Load, rate: number, seconds = SECONDS): Promise<LoadResult> {
  const args = ['netns', 'exec', load.namespace, 'perfdhcp', '-4', '-l', 'eth0', '-M', load.macs];
  const wanted = [
    '-R',
    String(load.clients),
    '-g',
    'single',
    '-r',
    String(Math.round(rate)),
    '-p',
    String(seconds),
  ];
  // One thread: with two, it alone takes more than one processor, and measures what is left of a small machine.
  // It ends with 3 when exchanges were lost, which is a result.
  const text = await new Promise<string>((resolve, reject) => {
    execFile(
      'ip',
      [...args, ...wanted, '-W', '300000', load.server],
      { timeout: 60_000 },
      (error, stdout, stderr) => {
        if (error && error.code !== 3) reject(new Error(`perfdhcp: ${error.message} ${stderr}`));
        else resolve(stdout);
      },
    );
  });
  return readReport(text, seconds);
}

/**
 * Reads perfdhcp's report of so many seconds. Its own rate counts the time in which it only waits for late answers.
 * @throws Error if it has another form
 */
export function readReport(text: string, seconds: number): LoadResult {
  const numbers = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, number]) => Number(number));
  const sent = numbers(/^sent packets: (\d+)/gm);
  const received = numbers(/^received packets: (\d+)/gm);
  const delays = numbers(/^avg delay: ([\d.]+) ms/gm);
  if (sent.length !== 2 || received.length !== 2) throw new Error(`no report: ${text}`);
  const lost = sent.map((count, i) => 1 - received[i]! / Math.max(count, 1));
  return {
    rate: received[1]! / seconds,
    loss: Math.max(...lost),
    delayMs: delays.reduce((sum, delay) => sum + delay, 0) / Math.max(delays.length, 1),
  };
}

/**
 * Exchanges in a second at under 1 % loss: the rate is doubled until that is no longer kept, then the place between the
 * last two is halved, geometrically, until it is known to some 4 %.
 */
export async function topRate(load: Load): Promise<number> {
  let best = 0;
  const holds = async (rate: number): Promise<boolean> => {
    const result = await applyLoad(load, rate);
    const kept = result.loss < MOST_LOSS && result.rate >= rate * LEAST_PART;
    if (kept) best = Math.max(best, result.rate);
    return kept;
  };
  // A hiccup of the machine is not the end, nor are two.
  const holdsAtLast = async (rate: number) =>
    (await holds(rate)) || (await holds(rate)) || (await holds(rate));
  let kept = FIRST_RATE;
  while (await holdsAtLast(kept)) kept *= 2;
  let step = Math.SQRT2;
  kept /= 2;
  for (let halved = 0; halved < HALVINGS; halved++, step = Math.sqrt(step)) {
    if (await holdsAtLast(kept * step)) kept *= step;
  }
  if (best === 0) throw new Error(`not even ${FIRST_RATE} exchanges a second`);
  return best;
}
