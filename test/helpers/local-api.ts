// Starts the local API of a fake agent on a socket of its own, and asks it things.
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Test } from 'tap';
import { startLocalApi } from '../../agent/api/local-api.ts';
import { FakeAgent } from './fake-agent.ts';

/** An answer with its body parsed if it is JSON. */
export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: assertions look into it freely
  body: any;
}

/** Log that says nothing. */
export const silent = pino({ level: 'silent' });

/** A fresh path for a socket; its folder goes with the test. */
export async function socketPath(t: Pick<Test, 'teardown'>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ikt-api-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'agent.sock');
}

/** The API of a fake agent, closed with the test. */
export async function fakeApi(t: Pick<Test, 'teardown'>, agent = new FakeAgent()) {
  const path = await socketPath(t);
  const api = await startLocalApi({ agent, socketPath: path, log: silent });
  t.teardown(() => api.close());
  return { agent, api, path };
}

/** Sends one request; `body` is sent as it is when it is a string, otherwise as JSON. */
export function ask(
  path: string,
  line: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const [method, url] = line.split(' ') as [string, string];
  return new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const sent = request(
      { socketPath: path, method, path: url, headers: { ...type, ...headers } },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('error', reject).on('end', () => {
          const json = String(response.headers['content-type']).startsWith('application/json');
          const status = response.statusCode ?? 0;
          resolve({ status, headers: response.headers, body: json ? JSON.parse(text) : text });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
  });
}
