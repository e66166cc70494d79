// The serial console over HTTP: after `Upgrade: innkeeper-console` the connection carries raw bytes both ways.
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AgentApi, Caller } from '../methods.ts';
import { InnkeeperError } from '../resources/errors.ts';
import { httpFailure } from './http-errors.ts';

/** Value of the `Upgrade` header (RFC 9110, section 7.8). */
export const CONSOLE_PROTOCOL = 'innkeeper-console';

const PATH = /^\/v1\/vservers\/([^/?]{1,256})\/console$/;

/** Who reports what broke. */
interface Log {
  debug(fields: object, message: string): void;
}

/**
 * Answers one upgrade request and joins it with the console until either side ends.
 * A refusal is an ordinary HTTP answer with the usual error body.
 */
export async function serveConsole(
  agent: AgentApi,
  caller: Caller | undefined,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  log: Log,
): Promise<void> {
  // From here on the socket is ours alone: without a listener a reset would end the process.
  socket.on('error', (error) => log.debug({ err: error }, 'a console connection broke off'));
  let console: Duplex;
  try {
    console = await agent.console(vserverOf(request, caller));
  } catch (error) {
    refuse(socket, error);
    return;
  }
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${CONSOLE_PROTOCOL}\r\n\r\n`,
  );
  if (head.length > 0) socket.unshift(head);
  const ended = (error: unknown) => log.debug({ err: error }, 'a console ended');
  // Whichever side ends first ends both: a caller who was killed must not keep the console from the next one.
  await Promise.race([pipeline(socket, console), pipeline(console, socket)].map((half) => half.catch(ended)));
  socket.destroy();
  console.destroy();
}

function vserverOf(request: IncomingMessage, caller: Caller | undefined): string {
  const found = PATH.exec(request.url ?? '')?.[1];
  if (request.headers.upgrade?.toLowerCase() !== CONSOLE_PROTOCOL || found === undefined) {
    throw new InnkeeperError(
      'invalid',
      `Only /v1/vservers/{id}/console can be upgraded, to ${CONSOLE_PROTOCOL}.`,
    );
  }
  if (caller === undefined || caller.right === 'observe') {
    throw new InnkeeperError('forbidden', 'Looking at a console needs the right to operate.');
  }
  try {
    return decodeURIComponent(found);
  } catch (error) {
    throw new InnkeeperError('invalid', 'The name of the VServer is not valid percent-encoding.', {}, error);
  }
}

function refuse(socket: Duplex, error: unknown): void {
  const { status, body } = httpFailure(error);
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}
