// Opens sockets inside a network namespace by way of a child, so that they live in this process for ever after.
import { type ChildProcess, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { MetadataError } from '../contract.ts';
import { BACKLOG, type OpenerMessage, type SocketRequest } from './messages.ts';

const OPENER = fileURLToPath(new URL('./opener.cjs', import.meta.url));
const STDERR_KEPT = 2_000;
/** Standard input, output and error, and the channel, come before what else a child is started with. */
const FIRST_INHERITED = 4;

/** What arrives; called in the order of the requests, before the next socket is opened. */
export interface SocketReceiver {
  listener(name: string, server: net.Server): void;
  datagrams(name: string, socket: dgram.Socket): void;
  /** A connection the opener accepted while it still shared the listening socket. */
  connection(name: string, socket: net.Socket): void;
}

/**
 * Opens `stages` inside `namespace`. A stage begins only when `receiver` has taken every socket of the
 * one before it: that is how HTTP is known to answer before the DHCP socket exists.
 * Resolves when all sockets were taken; on failure the receiver keeps what it got and must close it.
 * @throws MetadataError `not-found` without such a namespace, `conflict` when an address is in use, else `internal`
 */
export async function openInNamespace(
  namespace: string,
  stages: SocketRequest[][],
  receiver: SocketReceiver,
  timeoutMs: number,
): Promise<void> {
  // Not `ip netns exec`: it copies every mount of the host, of which each VNet is one.
  const place = `--net=/run/netns/${namespace}`;
  const command = ['nsenter', place, process.execPath, '--no-warnings', OPENER];
  await runOpener(startOpener(command, []), namespace, stages, receiver, timeoutMs);
}

/**
 * Makes `handles` more of each listening socket that this process has. Node cannot duplicate one, but a child can be
 * given it and send it back.
 * @throws MetadataError `internal`
 */
export async function multiplyHandles(
  sockets: readonly { name: string; descriptor: number }[],
  handles: number,
  receiver: SocketReceiver,
  timeoutMs: number,
): Promise<void> {
  const requests = sockets.map(
    ({ name }, index): SocketRequest => ({
      name,
      kind: 'inherited',
      descriptor: FIRST_INHERITED + index,
      backlog: BACKLOG,
      handles,
    }),
  );
  const command = [process.execPath, '--no-warnings', OPENER];
  const child = startOpener(
    command,
    sockets.map(({ descriptor }) => descriptor),
  );
  await runOpener(child, 'of the agent', [requests], receiver, timeoutMs);
}

function startOpener([program = '', ...args]: string[], descriptors: number[]): ChildProcess {
  return spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc', ...descriptors],
    // Options meant for the agent (inspector, snapshot, test loaders) must not reach the opener.
    env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
}

async function runOpener(
  child: ChildProcess,
  namespace: string,
  stages: SocketRequest[][],
  receiver: SocketReceiver,
  timeoutMs: number,
): Promise<void> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  try {
    await converse(child, namespace, stages, receiver);
  } catch (error) {
    if (!late) throw error;
    const message = `Opening the sockets of namespace ${namespace} took longer than ${timeoutMs} ms.`;
    throw new MetadataError('internal', message, error);
  } finally {
    clearTimeout(timer);
    if (child.exitCode === null && child.signalCode === null && !child.connected) child.kill('SIGKILL');
  }
}

function converse(
  child: ChildProcess,
  namespace: string,
  stages: SocketRequest[][],
  receiver: SocketReceiver,
): Promise<void> {
  let stderr = '';
  let stage = 0;
  let finished = false;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(0, STDERR_KEPT);
  });
  return new Promise((resolve, reject) => {
    const fail = (error: MetadataError) => {
      child.kill('SIGKILL');
      reject(error);
    };
    const next = () => {
      const open = stages[stage++];
      if (open) child.send({ open }, () => {});
      else {
        finished = true;
        child.send({ end: true }, () => {});
      }
    };
    child.on('message', (message: OpenerMessage, handle) => {
      if (message.type === 'ready' || message.type === 'done') next();
      else if (message.type === 'failed') fail(socketError(namespace, message));
      else {
        try {
          deliver(message.name, message.type, handle, receiver);
        } catch (error) {
          fail(new MetadataError('internal', `A socket of namespace ${namespace} could not be used.`, error));
        }
      }
    });
    child.on('error', (error) =>
      fail(new MetadataError('internal', `Cannot run nsenter: ${error.message}`, error)),
    );
    // 'close' comes after the channel is empty: a connection handed on at the last moment is not lost.
    child.on('close', (code, signal) => {
      if (finished && code === 0) resolve();
      else reject(exitError(namespace, code ?? signal, stderr.trim()));
    });
  });
}

function deliver(name: string, type: string, handle: unknown, receiver: SocketReceiver): void {
  if (handle instanceof net.Server) receiver.listener(name, handle);
  else if (handle instanceof dgram.Socket) receiver.datagrams(name, handle);
  else if (handle instanceof net.Socket) receiver.connection(name, handle);
  // A client that has gone again before its connection arrived leaves no handle; a listener must have one.
  else if (type === 'opened') throw new Error(`no handle came with ${name}`);
}

function socketError(namespace: string, failure: { name: string; code: string; message: string }) {
  const code = failure.code === 'EADDRINUSE' ? 'conflict' : 'internal';
  return new MetadataError(code, `Cannot open ${failure.name} in namespace ${namespace}: ${failure.message}`);
}

function exitError(namespace: string, how: number | string | null, stderr: string): MetadataError {
  if (/cannot open .*No such file/.test(stderr)) {
    return new MetadataError('not-found', `There is no network namespace ${namespace}.`);
  }
  const said = stderr === '' ? '' : `: ${stderr}`;
  return new MetadataError('internal', `The socket opener for namespace ${namespace} ended (${how})${said}`);
}
