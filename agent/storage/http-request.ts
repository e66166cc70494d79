// One GET with bounded redirects and time-outs; judges status and headers before anybody reads the body.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { InnkeeperError } from '../resources/errors.ts';
import { abortError } from './child.ts';
import { printable } from './errors.ts';

export interface HttpLimits {
  /** Most milliseconds until the head of an answer is there; default 20,000. */
  answerTimeoutMs?: number;
  /** Most milliseconds without a byte; default 30,000. */
  idleTimeoutMs?: number;
  /** Default 5. */
  redirects?: number;
}

/** The server or the way to it failed in a way that may pass. */
export class ServerTrouble extends Error {
  override readonly name = 'ServerTrouble';
}

export interface Answer {
  status: 200 | 206 | 416;
  /** Content-Length. */
  length?: number;
  /** From Content-Range. */
  rangeStart?: number;
  rangeTotal?: number;
  /** A strong ETag, else Last-Modified: what If-Range may be asked with (RFC 9110, section 13.1.5). */
  validator?: string;
  /** @throws ServerTrouble when it stalls or is cut off; AbortError */
  body(): AsyncIterable<Uint8Array>;
  destroy(): void;
}

/** A URI fit for messages and records: without user, password, query and fragment, which may be secrets. */
export function shownUri(uri: string): string {
  const url = URL.parse(uri);
  return url ? printable(`${url.protocol}//${url.host}${url.pathname}`) : printable(uri);
}

/**
 * Asks for `uri`.
 * @throws InnkeeperError `not-found` or `invalid` where asking again is no use, ServerTrouble, AbortError
 */
export async function ask(
  uri: string,
  headers: Record<string, string>,
  limits: HttpLimits,
  signal?: AbortSignal,
): Promise<Answer> {
  const most = limits.redirects ?? 5;
  let url = webUrl(uri);
  for (let redirects = 0; redirects <= most; redirects += 1) {
    const response = await get(url, headers, limits, signal);
    const status = response.statusCode ?? 0;
    const target = response.headers.location;
    if (status < 300 || status > 308 || status === 304 || target === undefined) {
      return judge(response, url, limits, signal);
    }
    response.destroy();
    url = redirected(url, target);
  }
  throw new InnkeeperError('invalid', `${shownUri(uri)} redirects more than ${most} times.`);
}

function webUrl(uri: string): URL {
  const url = URL.parse(uri);
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new InnkeeperError('invalid', `${shownUri(uri)} is not an http or https address.`);
}

function redirected(from: URL, target: string): URL {
  const to = URL.parse(target, from.href);
  if (to?.protocol === 'https:' || (to?.protocol === 'http:' && from.protocol === 'http:')) return to;
  throw new InnkeeperError(
    'invalid',
    `${shownUri(from.href)} redirects to ${printable(target, 120)}, which is not followed.`,
  );
}

function get(
  url: URL,
  headers: Record<string, string>,
  limits: HttpLimits,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  if (signal?.aborted) return Promise.reject(abortError(signal));
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  // `agent: false`: one connection per request, so that a stuck one is never used again.
  const options = {
    headers: { ...headers, 'accept-encoding': 'identity', 'user-agent': 'innkeeper' },
    agent: false,
  } as const;
  const all = { ...options, ...(signal ? { signal } : {}) };
  const request = url.protocol === 'https:' ? httpsRequest(url, all) : httpRequest(url, all);
  const most = limits.answerTimeoutMs ?? 20_000;
  const clock = setTimeout(() => request.destroy(new Error(`it did not answer within ${most} ms`)), most);
  request.once('response', (response) => {
    clearTimeout(clock);
    resolve(response);
  });
  // Stays for the whole life of the request: an error after the answer is reported by the body as well.
  request.on('error', (error) => {
    clearTimeout(clock);
    reject(
      signal?.aborted ? abortError(signal) : new ServerTrouble(`${url.host}: ${printable(error.message)}`),
    );
  });
  request.end();
  return promise;
}

function judge(response: IncomingMessage, url: URL, limits: HttpLimits, signal?: AbortSignal): Answer {
  const status = response.statusCode ?? 0;
  if (status !== 200 && status !== 206 && status !== 416) {
    response.destroy();
    throw refusal(status, url);
  }
  const range = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(response.headers['content-range'] ?? '');
  const length = /^\d{1,15}$/.exec(response.headers['content-length'] ?? '')?.[0];
  const { etag, 'last-modified': lastModified } = response.headers;
  const validator = etag?.startsWith('"') ? etag : lastModified;
  return {
    status,
    ...(length === undefined ? {} : { length: Number(length) }),
    ...(range ? { rangeStart: Number(range[1]) } : {}),
    ...(range && range[2] !== '*' ? { rangeTotal: Number(range[2]) } : {}),
    ...(validator === undefined ? {} : { validator }),
    body: () => bytesOf(response, url, limits, signal),
    destroy: () => void response.destroy(),
  };
}

function refusal(status: number, url: URL): Error {
  const what = `${shownUri(url.href)} was answered with HTTP status ${status}`;
  if (status === 404 || status === 410)
    return new InnkeeperError('not-found', `${what}: there is no such file.`);
  if (status >= 500 || status === 408 || status === 425 || status === 429) return new ServerTrouble(what);
  return new InnkeeperError('invalid', `${what}; check the address and its access rights.`);
}

async function* bytesOf(
  response: IncomingMessage,
  url: URL,
  limits: HttpLimits,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const most = limits.idleTimeoutMs ?? 30_000;
  response.setTimeout(most, () => response.destroy(new Error(`nothing came for ${most} ms`)));
  try {
    for await (const chunk of response) yield chunk as Uint8Array;
  } catch (error) {
    if (signal?.aborted) throw abortError(signal);
    throw new ServerTrouble(`${url.host}: ${printable((error as Error).message)}`);
  }
}
