// Puts an answer on the wire.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './message.ts';

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
  // What is left of a body that was not read must not be taken for the next request.
  if (!request.complete && hasBody(request)) headers.push('Connection', 'close');
  if (answer.headers) headers.push(...Object.entries(answer.headers).flat());
  response.writeHead(answer.status, headers);
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** A request without one is answered before Node calls it complete. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
