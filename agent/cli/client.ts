// A client of the agent's local API: calls, endless answers and the console, over its UNIX socket.
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { Refused, Unreachable } from './failures.ts';

/** Where the agent listens unless told otherwise. */
export const DEFAULT_SOCKET = '/run/innkeeper/innkeeper.sock';
/** Longest line of an endless answer, in characters. */
const LONGEST_LINE = 16 * 1024 * 1024;

/** Every failure is `Refused` (the agent said no) or `Unreachable` (it said nothing). */
export class ApiClient {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Calls a method by name; waits as long as the operation takes, or until the signal aborts. */
  async call(method: string, params: object = {}, signal?: AbortSignal): Promise<unknown> {
    const path = `/v1/call/${encodeURIComponent(method)}`;
    const response = await this.#send(
      { method: 'POST', path, ...(signal ? { signal } : {}) },
      JSON.stringify(params),
    );
    const body = parse(await text(response));
    if (response.statusCode === 200) return body;
    throw refusal(response.statusCode, body);
  }

  /** A resource of the API that is text, such as /metrics. */
  async text(path: string): Promise<string> {
    const response = await this.#send({ path });
    const body = await text(response);
    if (response.statusCode === 200) return body;
    throw refusal(response.statusCode, parse(body));
  }

  /** Any other resource of the API, such as /healthz. */
  async get(path: string): Promise<unknown> {
    const response = await this.#send({ path });
    const body = parse(await text(response));
    if (response.statusCode === 200) return body;
    throw refusal(response.statusCode, body);
  }

  /**
   * An endless answer, line by line. Resolves when the agent has begun it: nothing later is missed.
   * Ends when the signal aborts.
   */
  async stream(path: string, signal?: AbortSignal): Promise<AsyncIterable<unknown>> {
    const response = await this.#send({ path, ...(signal ? { signal } : {}) });
    if (response.statusCode !== 200) throw refusal(response.statusCode, parse(await text(response)));
    return lines(response, signal);
  }

  /** The serial console of a VServer (id or name) as raw bytes both ways. */
  async console(vserver: string): Promise<Duplex> {
    const path = `/v1/vservers/${encodeURIComponent(vserver)}/console`;
    const headers = { connection: 'Upgrade', upgrade: 'innkeeper-console' };
    return await new Promise((resolve, reject) => {
      const sent = request({ socketPath: this.#socketPath, path, headers });
      sent.on('error', (error) => reject(this.#unreachable(error)));
      sent.on('response', (response) => {
        text(response).then((body) => reject(refusal(response.statusCode, parse(body))), reject);
      });
      sent.on('upgrade', (_response, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      sent.end();
    });
  }

  #send(options: RequestOptions, body?: string): Promise<IncomingMessage> {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    return new Promise((resolve, reject) => {
      const sent = request({ ...options, socketPath: this.#socketPath, headers, agent: false }, resolve);
      sent.on('error', (error) => reject(this.#unreachable(error)));
      sent.end(body);
    });
  }

  #unreachable(error: NodeJS.ErrnoException): Unreachable {
    const why: Record<string, string> = {
      ENOENT: 'there is no such socket; is the agent running?',
      ECONNREFUSED: 'nobody answers; the agent is not running',
      EACCES: 'permission denied; be root or in the group of the socket',
      ECONNRESET: 'the agent hung up before it answered',
    };
    const reason = why[error.code ?? ''] ?? error.message;
    return new Unreachable(`${this.#socketPath}: ${reason}`, { cause: error });
  }
}

async function text(response: IncomingMessage): Promise<string> {
  let whole = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) whole += chunk;
  } catch (error) {
    throw new Unreachable('the agent hung up in the middle of its answer', { cause: error });
  }
  return whole;
}

async function* lines(response: IncomingMessage, signal: AbortSignal | undefined): AsyncGenerator<unknown> {
  let rest = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      const found = (rest + chunk).split('\n');
      rest = found.pop() ?? '';
      if (rest.length > LONGEST_LINE) throw new Unreachable('the agent sends a line without end');
      for (const line of found) if (line !== '') yield parse(line);
    }
  } catch (error) {
    if (signal?.aborted) return;
    if (error instanceof Unreachable) throw error;
    throw new Unreachable('the agent hung up', { cause: error });
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new Unreachable('what answers on the socket is not an agent', { cause: error });
  }
}

function refusal(status: number | undefined, body: unknown): Error {
  const error = (body as { error?: { code?: unknown; message?: unknown; ids?: Record<string, string> } })
    ?.error;
  if (typeof error?.code !== 'string')
    return new Unreachable(`an answer with status ${status} and no error in it`);
  return new Refused(error.code, String(error.message), error.ids ?? {});
}
