// A guest's request and our answer, free of sockets: what the dialects work with.
import type { Guest, GuestDirectory } from '../contract.ts';
import type { SessionTokens } from './ec2-token.ts';

export type Method = 'GET' | 'HEAD' | 'PUT' | 'POST';

export interface MetadataRequest {
  method: Method;
  /** Parts of the path, empty ones left out: '//latest/meta-data/' is ['latest', 'meta-data']. */
  path: string[];
  /** By its name in lower case. Asked for rather than given: Node sorts them only when somebody does. */
  header(name: string): string | string[] | undefined;
  /** Empty unless PUT or POST. */
  body: Buffer;
  guest: Guest;
}

export interface Answer {
  status: number;
  type: string;
  body: string | Uint8Array;
  headers?: Record<string, string>;
}

/** What dialects need beyond the request. */
export interface Services {
  directory: GuestDirectory;
  tokens: SessionTokens;
}

/** One way of asking for the same facts. `path` in the request is what follows the dialect's own prefix. */
export type Dialect = (request: MetadataRequest, services: Services) => Answer | Promise<Answer>;

export function text(body: string, status = 200, headers?: Record<string, string>): Answer {
  return { status, type: 'text/plain; charset=utf-8', body, ...(headers && { headers }) };
}

export function bytes(body: Uint8Array): Answer {
  return { status: 200, type: 'application/octet-stream', body };
}

export function json(value: unknown): Answer {
  return { status: 200, type: 'application/json', body: JSON.stringify(value) };
}

export function notFound(): Answer {
  return text('not found\n', 404);
}

export function notAllowed(...allowed: Method[]): Answer {
  return text('method not allowed\n', 405, { Allow: allowed.join(', ') });
}

/** True for the methods that only read. */
export function reads({ method }: MetadataRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}
