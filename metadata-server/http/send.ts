// Puts an answer on the wire.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './message.ts';

export function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { body } = answer;
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  response.writeHead(answer.status, {
    'Content-Type': answer.type,
    'Content-Length': length,
    'Cache-Control': 'no-store',
    // What is left of a body that was not read must not be taken for the next request.
    ...(request.complete ? undefined : { Connection: 'close' }),
    ...answer.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
