// Opens sockets inside network namespaces by way of one child, so that they live in this process for ever after.
import { type ChildProcess, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MetadataError } from '../contract.ts';
import { type OpenerMessage, requestLine, type SocketRequest } from './messages.ts';

const PROGRAM = fileURLToPath(new URL('./opener.pl', import.meta.url));
/** Numbers of the system calls setns and sendmsg, which Perl's base system does not know. */
const CALLS: Partial<Record<NodeJS.Architecture, readonly [setns: number, sendmsg: number]>> = {
  x64: [308, 46],
  arm64: [268, 211],
};
const STDERR_KEPT = 2_000;
/** Standard input, output and error, and the channel, come before what else a child is started with. */
const FIRST_INHERITED = 4;
/** An IPv6 address may still be tentative (duplicate address detection); worth waiting for. */
const ADDRESS_WAIT_MS = 3_000;
const ADDRESS_RETRY_MS = 50;

/** What arrives; called in the order of the requests, before the next stage is opened. */
export interface SocketReceiver {
  listener(name: string, server: net.Server): void;
  datagrams(name: string, socket: dgram.Socket): void;
}

interface Asked {
  /** Who was asked; undefined where there can be nobody. */
  child: ChildProcess | undefined;
  name: string;
  receiver: SocketReceiver;
  /** With undefined once the request is done. */
  settle(problem: Refusal | MetadataError | undefined): void;
}

/** What the program said. */
type Refusal = Extract<OpenerMessage, { type: 'failed' }>;

/** One child for any number of namespaces, started when it is first needed and again after it has died. */
export class SocketOpener {
  readonly #inherited: readonly number[];
  readonly #asked = new Map<number, Asked>();
  #child: ChildProcess | undefined;
  #lastId = 0;

  /** @param inherited descriptors that the child is started with, for requests of that kind */
  constructor(inherited: readonly number[] = []) {
    this.#inherited = inherited;
  }

  /**
   * Opens `stages` inside `namespace`. A stage begins only when `receiver` has taken every socket of the
   * one before it: that is how HTTP is known to answer before the DHCP socket exists.
   * Resolves when all sockets were taken; on failure the receiver keeps what it got and must close it.
   * @throws MetadataError `not-found` without such a namespace, `conflict` when an address is in use, else `internal`
   */
  async open(
    namespace: string,
    stages: readonly (readonly SocketRequest[])[],
    receiver: SocketReceiver,
    timeoutMs: number,
  ): Promise<void> {
    const given = { up: false };
    const timer = setTimeout(() => {
      given.up = true;
      // Whoever else waits for it fails too, and asks the next one.
      this.#child?.kill('SIGKILL');
    }, timeoutMs);
    try {
      for (const stage of stages) {
        const answers = stage.map((request) => this.#openOne(namespace, request, receiver, given));
        const failed = (await Promise.allSettled(answers)).find(({ status }) => status === 'rejected');
        if (failed) throw (failed as PromiseRejectedResult).reason;
      }
    } catch (error) {
      if (!given.up) throw error;
      const message = `Opening the sockets of namespace ${namespace} took longer than ${timeoutMs} ms.`;
      throw new MetadataError('internal', message, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the child; a later request would start another. */
  close(): void {
    this.#child?.stdin?.end();
    this.#child = undefined;
  }

  async #openOne(
    namespace: string,
    request: SocketRequest,
    receiver: SocketReceiver,
    given: { up: boolean },
  ): Promise<void> {
    const until = Date.now() + ADDRESS_WAIT_MS;
    for (;;) {
      const problem = await this.#ask(namespace, request, receiver);
      if (problem === undefined) return;
      if (problem instanceof MetadataError) throw problem;
      const tentative = problem.code === 'EADDRNOTAVAIL';
      if (!tentative || given.up || Date.now() > until) throw refused(namespace, request.name, problem);
      await pause(ADDRESS_RETRY_MS);
    }
  }

  #ask(namespace: string, request: SocketRequest, receiver: SocketReceiver) {
    const calls = CALLS[process.arch];
    if (calls === undefined) {
      return new MetadataError('internal', `No sockets in namespaces on ${process.arch} processors.`);
    }
    this.#child ??= this.#start(calls.map(String));
    const child = this.#child;
    return new Promise<Refusal | MetadataError | undefined>((settle) => {
      const id = ++this.#lastId;
      this.#asked.set(id, { child, name: request.name, receiver, settle });
      child.stdin?.write(requestLine(id, namespace, request));
    });
  }

  #start(calls: string[]): ChildProcess {
    let complaint = '';
    const child = spawn('perl', [PROGRAM, ...calls], {
      stdio: ['pipe', 'ignore', 'pipe', 'ipc', ...this.#inherited],
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
    });
    // A program that dies closes its end first; 'close' below tells why.
    child.stdin?.on('error', () => {});
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(0, STDERR_KEPT);
    });
    const dead = () => {
      if (this.#child === child) this.#child = undefined;
    };
    child.on('error', (error) => {
      complaint = error.message;
      dead();
    });
    child.on('exit', dead);
    child.on('message', (message: OpenerMessage, handle) => this.#heard(message, handle));
    // Not before the channel is empty: no handle is lost.
    child.on('close', (code, signal) => {
      const said = complaint.trim() === '' ? '' : `: ${complaint.trim()}`;
      const problem = new MetadataError('internal', `The opener of sockets ended (${code ?? signal})${said}`);
      for (const [id, asked] of [...this.#asked]) if (asked.child === child) this.#settle(id, problem);
    });
    return child;
  }

  #heard(message: OpenerMessage, handle: unknown): void {
    const asked = this.#asked.get(message.id);
    if (!asked) {
      if (handle instanceof net.Server || handle instanceof dgram.Socket) handle.close();
      return;
    }
    if (message.type === 'opened') {
      try {
        deliver(asked, handle);
      } catch (error) {
        const why = `The socket ${asked.name} could not be used.`;
        this.#settle(message.id, new MetadataError('internal', why, error));
      }
    } else this.#settle(message.id, message.type === 'failed' ? message : undefined);
  }

  #settle(id: number, problem: Refusal | MetadataError | undefined): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    asked?.settle(problem);
  }
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
      handles,
    }),
  );
  const opener = new SocketOpener(sockets.map(({ descriptor }) => descriptor));
  try {
    await opener.open('-', [requests], receiver, timeoutMs);
  } finally {
    opener.close();
  }
}

function deliver({ name, receiver }: Asked, handle: unknown): void {
  if (handle instanceof net.Server) receiver.listener(name, handle);
  else if (handle instanceof dgram.Socket) receiver.datagrams(name, handle);
  else throw new Error('no handle came with it');
}

function refused(namespace: string, name: string, { code, message }: Refusal): MetadataError {
  if (code === 'ENOENT') {
    return new MetadataError('not-found', `There is no network namespace ${namespace}.`);
  }
  const why = `Cannot open ${name} in namespace ${namespace}: ${code} ${message}`;
  return new MetadataError(code === 'EADDRINUSE' ? 'conflict' : 'internal', why);
}
