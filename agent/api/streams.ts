// Endless answers: stored events and progress of operations, as lines of JSON or as Server-Sent Events.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { StoredEvent } from '../inventory/outbox.ts';
import type { AgentApi } from '../methods.ts';
import { InnkeeperError } from '../resources/errors.ts';

/** How one item is written; SSE gets an id, so that a browser resumes by itself (Last-Event-ID). */
type Format = (item: object, id?: number) => string;

const asLine: Format = (item) => `${JSON.stringify(item)}\n`;
const asServerSentEvent: Format = (item, id) =>
  `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(item)}\n\n`;

/** Adds `GET /v1/events` and `GET /v1/operation-updates`; `closing` ends every stream. */
export function addStreams(app: FastifyInstance, agent: AgentApi, closing: AbortSignal): void {
  app.get('/v1/events', async (request, reply) => {
    const { after, follow } = eventQuery(request);
    await stream(request, reply, closing, (signal) => {
      const events = agent.events(after, signal);
      return numbered(follow ? events : until(events, after, agent.hello().lastSequence));
    });
  });
  app.get('/v1/operation-updates', async (request, reply) => {
    await stream(request, reply, closing, (signal) => unnumbered(agent.operationUpdates(signal)));
  });
}

type Item = [item: object, id?: number];

async function* numbered(events: AsyncIterable<StoredEvent>): AsyncGenerator<Item> {
  for await (const event of events) yield [event, event.seq];
}

async function* unnumbered(items: AsyncIterable<object>): AsyncGenerator<Item> {
  for await (const item of items) yield [item];
}

/** The events there are now, without waiting for more. */
async function* until(events: AsyncIterable<StoredEvent>, after: number, last: number) {
  if (after >= last) return;
  for await (const event of events) {
    yield event;
    if (event.seq >= last) return;
  }
}

function eventQuery(request: FastifyRequest): { after: number; follow: boolean } {
  const query = request.query as Record<string, unknown>;
  for (const name of Object.keys(query)) {
    if (name !== 'after' && name !== 'follow')
      throw new InnkeeperError('invalid', `Unknown parameter "${name}".`);
  }
  const asked = query.after ?? request.headers['last-event-id'] ?? '0';
  const follow = query.follow ?? '0';
  if (typeof asked !== 'string' || !/^\d{1,15}$/.test(asked)) {
    throw new InnkeeperError('invalid', 'The parameter "after" must be the number of an event, or 0.');
  }
  if (typeof follow !== 'string' || !['0', '1', 'true', 'false'].includes(follow)) {
    throw new InnkeeperError('invalid', 'The parameter "follow" must be 1 or 0.');
  }
  return { after: Number(asked), follow: follow === '1' || follow === 'true' };
}

/** Sends the head at once, so that the caller knows that nothing later will be missed. */
async function stream(
  request: FastifyRequest,
  reply: FastifyReply,
  closing: AbortSignal,
  open: (signal: AbortSignal) => AsyncIterable<Item>,
): Promise<void> {
  const sse = (request.headers.accept ?? '').includes('text/event-stream');
  const format = sse ? asServerSentEvent : asLine;
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, closing]);
  reply.hijack();
  reply.raw.on('close', () => gone.abort());
  const text = async function* () {
    for await (const [item, id] of open(signal)) yield format(item, id);
  };
  const source = Readable.from(text());
  reply.raw.writeHead(200, {
    'content-type': sse ? 'text/event-stream' : 'application/x-ndjson',
    'cache-control': 'no-store',
  });
  reply.raw.flushHeaders();
  try {
    await pipeline(source, reply.raw);
  } catch (error) {
    if (!signal.aborted) request.log.warn({ err: error }, 'a stream of events broke off');
    reply.raw.destroy();
  }
}
