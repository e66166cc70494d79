// Puts an answer on the wire.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './message.ts';

/** Most octets of a body that are written together with the head: what Node sends from the stack is 16 KiB. */
const ONE_WRITE = 12_288;

export function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { body } = answer;
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  // A flat list of names and values is what Node writes fastest.
  const headers = [
    'Content-Type',
    answer.type,
    'Content-Length',
    String(length),
    'Cache-Control',
    'no-store',
  ];
  // What is left of a body that was not read must not be taken for the next request. Such a request was refused.
  if (answer.status >= 400 && !request.complete && hasBody(request)) headers.push('Connection', 'close');
  if (answer.headers) headers.push(...Object.entries(answer.headers).flat());
  response.writeHead(answer.status, headers);
  if (request.method === 'HEAD') response.end();
  else if (typeof body === 'string' || length > ONE_WRITE) response.end(body);
  else response.end(inOneWrite(body), 'latin1');
}

/**
 * The same octets as a string: Node puts that behind the head and writes both with one call. With octets it gathers two
 * pieces, which takes it longer than all that this service does for a request.
 */
function inOneWrite(body: Uint8Array): string {
  const octets = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return octets.toString('latin1');
}

/** A request without one is answered before Node calls it complete. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
