// One open connection with a control plane, from hello to its end.
import type { FastifyBaseLogger } from 'fastify';
import type { RawData, WebSocket } from 'ws';
import type { AgentApi, Caller } from '../methods.ts';
import type { Clock } from './clock.ts';
import { converse, sendersFor } from './conversation.ts';
import { Heartbeat } from './heartbeat.ts';
import { handlerFor } from './rpc-handler.ts';
import { RpcPeer } from './rpc-peer.ts';

/** Bounds of one connection; times in ms, sizes in bytes. */
export interface SessionLimits {
  /** Silence before a ping, and after it before the link is given up. */
  heartbeatInterval: number;
  heartbeatTimeout: number;
  /** Time the control plane has to answer `hello`. */
  answerTime: number;
  /** Events under way without an acknowledgement. */
  eventWindow: number;
  /** Batches of samples under way without an acknowledgement. */
  sampleWindow: number;
  /** Requests carried out at once. */
  maxRequests: number;
  /** Largest message taken. */
  maxMessageBytes: number;
  /** Answers waiting to leave; more means that the other side asks but does not read. */
  maxBufferedBytes: number;
  /** Between capacity reports when nothing changes and the control plane named no interval. */
  capacityInterval: number;
}

export const DEFAULT_LIMITS: SessionLimits = {
  heartbeatInterval: 20_000,
  heartbeatTimeout: 10_000,
  answerTime: 30_000,
  eventWindow: 256,
  sampleWindow: 4,
  maxRequests: 256,
  maxMessageBytes: 4 * 1024 * 1024,
  maxBufferedBytes: 16 * 1024 * 1024,
  capacityInterval: 60_000,
};

/** Time the other side has to say good-bye, in ms. */
const PARTING_TIME = 1_000;

/** What a session needs. */
export interface SessionOptions {
  agent: AgentApi;
  /** The control plane: its name in acknowledgements and as creator, and what it may do. */
  caller: Caller;
  clock: Clock;
  limits: SessionLimits;
  log: FastifyBaseLogger;
  /** Ends the session politely. */
  signal: AbortSignal;
}

/** Runs until the connection is closed by either side, and then holds nothing any more. Never throws. */
export async function runSession(socket: WebSocket, options: SessionOptions): Promise<void> {
  const { agent, caller, clock, limits, log } = options;
  const ended = new AbortController();
  const send = sender(socket, limits.maxBufferedBytes);
  const senders = sendersFor(options, (method, params) => peer.notify(method, params));
  const handle = handlerFor(agent, caller, {
    acknowledge: (seq) => senders.events.acknowledge(seq),
    acknowledgeSamples: (seq) => senders.samples.acknowledge(seq),
  });
  const peer = new RpcPeer({
    clock,
    send,
    handle,
    log,
    maxInFlight: limits.maxRequests,
    answerTime: limits.answerTime,
  });
  const heartbeat = new Heartbeat({
    clock,
    interval: limits.heartbeatInterval,
    timeout: limits.heartbeatTimeout,
    ping: () => socket.ping(),
    dead: () => socket.terminate(),
  });
  const closed = listen(socket, peer, heartbeat, log);
  const leave = () => {
    socket.close(1001, 'the agent is going');
    clock.after(PARTING_TIME, () => socket.terminate());
  };
  options.signal.addEventListener('abort', leave);
  if (options.signal.aborted) leave();
  const talk = converse(peer, senders, options, ended.signal).catch((error: unknown) => {
    if (!ended.signal.aborted) log.warn({ err: error }, 'the link cannot go on');
    socket.close(1011, 'the agent cannot go on');
  });
  const reason = await closed;
  options.signal.removeEventListener('abort', leave);
  heartbeat.stop();
  ended.abort();
  peer.close(new Error(`The link was closed: ${reason}`));
  await talk;
}

/** Joins the socket with the peer; resolves with the reason when it is closed. */
function listen(
  socket: WebSocket,
  peer: RpcPeer,
  heartbeat: Heartbeat,
  log: FastifyBaseLogger,
): Promise<string> {
  socket.on('message', (data: RawData, isBinary: boolean) => {
    heartbeat.heard();
    // A binary frame is no JSON-RPC; as empty text it gets the answer that anything unparsable gets.
    peer.receive(isBinary ? '' : String(data));
  });
  socket.on('pong', () => heartbeat.heard());
  socket.on('ping', () => heartbeat.heard());
  socket.on('error', (error) => log.warn({ err: error }, 'the link to the control plane failed'));
  return new Promise((resolve) => {
    socket.once('close', (code, reason) => resolve(`${code} ${String(reason).slice(0, 123)}`));
  });
}

/** Sends text; resolves when it has been handed to the kernel. */
function sender(socket: WebSocket, maxBuffered: number): (text: string) => Promise<void> {
  return (text) =>
    new Promise((resolve, reject) => {
      if (socket.bufferedAmount > maxBuffered) {
        socket.terminate();
        reject(new Error('The control plane does not read what it asked for.'));
        return;
      }
      socket.send(text, (error) => (error ? reject(error) : resolve()));
    });
}
