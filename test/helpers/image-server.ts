// A web server for images that misbehaves on request, on loopback.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ImageServer {
  /** "http://127.0.0.1:PORT" */
  origin: string;
  /** The Range header of each request so far ("" if it had none). */
  ranges: string[];
  close(): Promise<void>;
}

export type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** Starts it; `handler` gets each request with its number, from 1. */
export async function imageServer(handler: Handler): Promise<ImageServer> {
  const ranges: string[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range ?? '');
    handler(request, response, ranges.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ranges,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Where the request wants to start, if its If-Range still holds; else 0. */
export function wantedStart(request: IncomingMessage, etag: string): number {
  if (request.headers['if-range'] !== etag) return 0;
  return Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
}

/** Answers as a good server does, but sends only `send` bytes of the rest and then hangs up. */
export function serveUpTo(
  request: IncomingMessage,
  response: ServerResponse,
  content: Uint8Array,
  etag: string,
  send = content.length,
): void {
  const start = wantedStart(request, etag);
  const rest = content.subarray(start);
  const headers = { etag, 'content-length': rest.length };
  if (start === 0) response.writeHead(200, headers);
  else {
    const range = `bytes ${start}-${content.length - 1}/${content.length}`;
    response.writeHead(206, { ...headers, 'content-range': range });
  }
  if (send >= rest.length) response.end(rest);
  else response.write(rest.subarray(0, send), () => setTimeout(() => response.destroy(), 20));
}
