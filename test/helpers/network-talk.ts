// Conversations between test guests over TCP and UDP.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { succeeds } from './network-lab.ts';

const TALK = fileURLToPath(new URL('network-talk.py', import.meta.url));
const python = (...words: string[]) => ['/usr/bin/python3', TALK, ...words];

function start(t: Test, namespace: string, words: string[]) {
  const child = spawn('ip', ['netns', 'exec', namespace, ...python(...words)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  t.teardown(async () => {
    const gone = once(child, 'close');
    child.kill('SIGKILL');
    await gone;
  });
  return { child, next: async () => String((await lines.next()).value) };
}

/** Echoes what it gets on these ports, over TCP and UDP; resolves when it does. */
export async function answerOn(t: Test, namespace: string, ports: number[]): Promise<void> {
  await start(t, namespace, ['serve', ...ports.map(String)]).next();
}

/** True if words sent to that port come back. What is expected to fail should not be waited for long. */
export function talks(
  namespace: string,
  protocol: 'tcp' | 'udp',
  host: string,
  port: number,
  seconds: number,
): Promise<boolean> {
  return succeeds(namespace, ...python('ask', protocol, host, String(port), String(seconds)));
}

/** A connection that stays open; asks whether words still come back on it. */
export async function heldConnection(t: Test, namespace: string, host: string, port: number) {
  const { child, next } = start(t, namespace, ['hold', host, String(port)]);
  const first = await next();
  if (first !== 'open') throw new Error(`no connection to ${host}`);
  return async (seconds: number): Promise<boolean> => {
    child.stdin.write(`${seconds}\n`);
    return (await next()) === 'alive';
  };
}
