// One conversation with libvirtd over one socket: calls, replies, messages and streams, until it ends.
import type { Duplex } from 'node:stream';
import { ConnectionLostError, ProtocolError } from '../errors.ts';
import { type Args, PROCEDURES, type ProcedureName, type Result } from '../protocol/index.ts';
import type { Procedure } from '../protocol/procedure.ts';
import { type CallOptions, PendingCall } from './call.ts';
import {
  encodeFrame,
  encodeStreamFrame,
  type Frame,
  FrameSplitter,
  type Header,
  MESSAGE_STATUS,
  MESSAGE_TYPE,
  PROGRAMS,
} from './frame.ts';
import { Keepalive, type KeepaliveOptions } from './keepalive.ts';
import { Slots } from './slots.ts';
import { RpcStream } from './stream.ts';

export interface ConnectionOptions {
  /** Calls with the daemon at once; must stay below its `max_client_requests`. */
  maxInFlight: number;
  /** Calls waiting here for a place. */
  maxQueued: number;
  /** Called for every event message; throwing ends the connection. */
  onMessage?: (frame: Frame) => void;
}

/** Everything ends in one place: `#end`, which wakes every waiter with the same cause. */
export class Connection {
  /** Resolves (never rejects) with the reason when the conversation is over. */
  readonly ended: Promise<Error>;
  readonly #socket: Duplex;
  readonly #onMessage: ((frame: Frame) => void) | undefined;
  readonly #splitter = new FrameSplitter();
  readonly #slots: Slots;
  readonly #keepalive: Keepalive;
  /** Calls made and neither answered nor given up; those sent are also in `#sent`. */
  readonly #waiting = new Set<PendingCall>();
  /** Calls the daemon holds, by serial; given-up ones stay until their late reply. */
  readonly #sent = new Map<number, { call: PendingCall; patient: boolean }>();
  readonly #streams = new Map<number, RpcStream>();
  readonly #announceEnd: (reason: Error) => void;
  #serial = 0;
  #endedWith: Error | undefined;

  constructor(socket: Duplex, options: ConnectionOptions) {
    this.#socket = socket;
    this.#onMessage = options.onMessage;
    this.#slots = new Slots(options.maxInFlight, options.maxQueued);
    this.#keepalive = new Keepalive((bytes) => socket.write(bytes));
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.ended = promise;
    this.#announceEnd = resolve;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.end(error));
    socket.on('close', () => this.end(new Error('libvirtd closed the connection')));
    socket.on('end', () => this.end(new Error('libvirtd closed the connection')));
  }

  /**
   * Calls a procedure by its name in the protocol tables.
   * @throws LibvirtError, ConnectionLostError, CallTimeoutError, ProtocolError, TooManyCallsError,
   * RangeError (arguments that cannot be encoded) or the signal's reason.
   */
  call<P extends ProcedureName>(name: P, args: Args<P>, options: CallOptions = {}): Promise<Result<P>> {
    return this.#start(name, args, options).promise as Promise<Result<P>>;
  }

  /** Calls a procedure that opens a stream; resolves when libvirt has opened it. @throws as `call`, or what broke it off */
  async openStream<P extends ProcedureName>(
    name: P,
    args: Args<P>,
    options: CallOptions = {},
  ): Promise<Duplex> {
    let opened: RpcStream | undefined;
    // The stream must exist before the reply is read: its first packet can be in the same chunk.
    const call = this.#start(name, args, options, (serial) => {
      opened = this.#addStream(name, serial);
    });
    try {
      await call.promise;
    } catch (error) {
      opened?.destroy();
      throw error;
    }
    // It may have broken off in the same chunk.
    if (opened!.errored) throw opened!.errored;
    opened!.answered();
    return opened!;
  }

  /** Starts our own pings; `dead` peers end the connection. */
  startKeepalive(options: KeepaliveOptions): void {
    this.#keepalive.start(options, (silentMs) => {
      this.end(new Error(`libvirtd has not answered for ${silentMs} ms`));
    });
  }

  /** Ends the conversation; waiters get a ConnectionLostError with this cause. Idempotent. */
  end(reason: Error): void {
    if (this.#endedWith !== undefined) return;
    this.#endedWith = reason;
    this.#keepalive.stop();
    this.#socket.destroy();
    for (const stream of [...this.#streams.values()]) stream.lost(reason);
    for (const call of [...this.#waiting]) call.lost(reason);
    this.#sent.clear();
    this.#announceEnd(reason);
  }

  /** Like {@link Connection.end}, but what was already written is still sent. */
  finish(reason: Error): void {
    if (this.#endedWith === undefined) this.#socket.end(() => this.end(reason));
  }

  #start(
    name: ProcedureName,
    args: unknown,
    options: CallOptions,
    beforeSend?: (serial: number) => void,
  ): PendingCall {
    const procedure = PROCEDURES[name] as Procedure<unknown, unknown>;
    const call = new PendingCall(name, procedure, options);
    if (call.settled) return call;
    if (this.#endedWith !== undefined) {
      call.lost(this.#endedWith);
      return call;
    }
    this.#serial = (this.#serial + 1) >>> 0;
    const serial = this.#serial;
    const patient = options.patient ?? procedure.patient ?? false;
    this.#waiting.add(call);
    call.onSettled(() => this.#waiting.delete(call));
    try {
      const bytes = encodeFrame(callHeader(procedure, serial), (out) => procedure.args.encode(out, args));
      const withdraw = this.#slots.enter(patient, () => {
        if (this.#endedWith !== undefined) return;
        beforeSend?.(serial);
        this.#sent.set(serial, { call, patient });
        this.#socket.write(bytes);
      });
      call.onSettled(withdraw);
    } catch (error) {
      call.fail(error);
    }
    return call;
  }

  #addStream(name: ProcedureName, serial: number): RpcStream {
    const { program, number: procedure } = PROCEDURES[name];
    const header: Header = { program, version: 1, procedure, type: MESSAGE_TYPE.stream, serial, status: 0 };
    const stream = new RpcStream(name, {
      send: (status, data, sent) => {
        if (this.#endedWith !== undefined) {
          sent?.(new ConnectionLostError('the connection is closed', { cause: this.#endedWith }));
          return;
        }
        this.#socket.write(encodeStreamFrame({ ...header, status }, data), sent);
      },
      pause: () => this.#socket.pause(),
      resume: () => this.#socket.resume(),
      release: () => this.#streams.delete(serial),
    });
    // It may break off before whoever asked for it can listen, and an error that nobody hears ends the process. Readers
    // and pipelines are told all the same.
    stream.on('error', () => {});
    this.#streams.set(serial, stream);
    return stream;
  }

  #receive(chunk: Buffer): void {
    this.#keepalive.heard();
    try {
      for (const frame of this.#splitter.push(chunk)) {
        if (this.#endedWith !== undefined) return;
        this.#route(frame);
      }
    } catch (error) {
      this.end(error instanceof Error ? error : new ProtocolError(String(error)));
    }
  }

  #route(frame: Frame): void {
    const { program, type } = frame;
    const known = program === PROGRAMS.remote || program === PROGRAMS.qemu;
    if (program === PROGRAMS.keepalive) this.#keepalive.receive(frame);
    else if (!known) throw new ProtocolError(`message of unknown program 0x${program.toString(16)}`);
    else if (type === MESSAGE_TYPE.reply) this.#reply(frame);
    else if (type === MESSAGE_TYPE.message) this.#onMessage?.(frame);
    else if (type === MESSAGE_TYPE.stream) this.#streams.get(frame.serial)?.receive(frame);
    else throw new ProtocolError(`message of type ${type} was not asked for`);
  }

  #reply(frame: Frame): void {
    const sent = this.#sent.get(frame.serial);
    if (sent === undefined) throw new ProtocolError(`reply to call ${frame.serial}, which was never made`);
    this.#sent.delete(frame.serial);
    if (!sent.call.settled) sent.call.reply(frame);
    this.#slots.leave(sent.patient);
  }
}

function callHeader(procedure: Procedure<unknown, unknown>, serial: number): Header {
  return {
    program: procedure.program,
    version: 1,
    procedure: procedure.number,
    type: MESSAGE_TYPE.call,
    serial,
    status: MESSAGE_STATUS.ok,
  };
}
