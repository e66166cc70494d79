// A daemon of our own making that speaks libvirt's real wire, over a pair of in-memory streams.
import { type Duplex, duplexPair } from 'node:stream';
import { Connection, type ConnectionOptions } from '../../drivers/libvirt/rpc/connection.ts';
import { encodeFrame, type Frame, FrameSplitter } from '../../drivers/libvirt/rpc/frame.ts';
import type { Writer } from '../../drivers/libvirt/rpc/xdr.ts';

export interface FakeDaemon {
  connection: Connection;
  /** The daemon's end of the socket. */
  socket: Duplex;
  /** Frames received so far. */
  received: Frame[];
  /** Resolves when `count` frames have been received. */
  receivedCount(count: number): Promise<void>;
  /** Answers a call of the client. */
  reply(to: Frame, body?: (out: Writer) => void, status?: number): void;
}

/** A connection whose other end is in the test's hands. */
export function fakeLibvirtd(options: Partial<ConnectionOptions> = {}): FakeDaemon {
  const [near, socket] = duplexPair();
  const connection = new Connection(near, { maxInFlight: 4, maxQueued: 100, ...options });
  const splitter = new FrameSplitter();
  const received: Frame[] = [];
  const watchers: (() => void)[] = [];
  socket.on('data', (chunk: Buffer) => {
    received.push(...splitter.push(chunk));
    for (const watcher of watchers) watcher();
  });
  socket.on('error', () => {});
  return {
    connection,
    socket,
    received,
    receivedCount: (count) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (received.length >= count) resolve();
        };
        watchers.push(check);
        check();
      }),
    reply: (to, body, status = 0) => {
      const { program, version, procedure, serial } = to;
      socket.write(encodeFrame({ program, version, procedure, type: 1, serial, status }, body));
    },
  };
}
