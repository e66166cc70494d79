// Listens to the second serial port of each running VServer for its initial password: one socket each, no polling.
import { once, setMaxListeners } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type HypervisorEvent, isOff } from '../../../drivers/hypervisor.ts';
import { type GuestDirectory, takePassword } from '../../../metadata-server/mod.ts';
import type { Host } from '../../host.ts';
import { linePath } from '../../paths.ts';
import { LineReader } from './line-reader.ts';
import { parseMarker } from './marker.ts';

/** What is read of one guest; a guest that writes faster waits, and nobody else does. */
const BYTES_PER_SECOND = 65_536;
/** After each piece, however small, so that many small ones become few large ones. */
const PIECE_PAUSE_MS = 20;
/** After each line that was answered. */
const ANSWER_PAUSE_MS = 100;

interface Line {
  socket: Socket;
  /** The machine changed while this line was open: it may have ended and begun again, with another socket. */
  again: boolean;
}

export type LinesHost = Pick<Host, 'config' | 'log' | 'inventory' | 'guestWays'> & {
  hypervisor: Pick<Host['hypervisor'], 'events' | 'features'>;
};

/** Follows the hypervisor's events: a line is opened when its machine starts, and all when the daemon is connected. */
export class GuestLines {
  readonly #host: LinesHost;
  readonly #directory: Pick<GuestDirectory, 'storeInitialPassword'>;
  readonly #lines = new Map<string, Line>();
  readonly #stopped = new AbortController();

  constructor(host: LinesHost, directory: Pick<GuestDirectory, 'storeInitialPassword'>) {
    this.#host = host;
    this.#directory = directory;
    setMaxListeners(0, this.#stopped.signal);
  }

  /** Begins to follow events; returns at once. */
  start(): void {
    void this.#follow();
  }

  stop(): void {
    this.#stopped.abort();
    for (const { socket } of this.#lines.values()) socket.destroy();
  }

  /** Lines that are open. */
  get size(): number {
    return this.#lines.size;
  }

  async #follow(): Promise<void> {
    for await (const event of this.#host.hypervisor.events()) {
      if (this.#stopped.signal.aborted) return;
      if (this.#host.hypervisor.features.guestLine) this.#take(event);
    }
  }

  #take(event: HypervisorEvent): void {
    const { inventory, config } = this.#host;
    if (event.type === 'connected') {
      // Whatever the inventory thinks of their state: one that is off has no socket.
      for (const { id } of inventory.list('vserver')) this.#open(id);
      return;
    }
    const prefix = `${config.prefix}-`;
    if (event.type !== 'machine' || isOff(event.state)) return;
    if (!event.name.startsWith(prefix)) return;
    const vserver = inventory.get('vserver', event.name.slice(prefix.length));
    if (vserver) this.#open(vserver.id);
  }

  #open(vserverId: string): void {
    const open = this.#lines.get(vserverId);
    if (open) {
      open.again = true;
      return;
    }
    const socket = connect(linePath(this.#host.config, vserverId));
    const line: Line = { socket, again: false };
    this.#lines.set(vserverId, line);
    void this.#listen(vserverId, socket)
      .catch((error: NodeJS.ErrnoException) => {
        // Most have no such port, or are off.
        if (error.code === 'ENOENT') return;
        this.#host.log.debug({ vserver: vserverId, reason: error.message }, 'no line to the guest');
      })
      .finally(() => {
        socket.destroy();
        this.#lines.delete(vserverId);
        if (line.again && !this.#stopped.signal.aborted) this.#open(vserverId);
      });
  }

  /** Until the machine goes off. */
  async #listen(vserverId: string, socket: Socket): Promise<void> {
    const { signal } = this.#stopped;
    // What goes wrong ends the reading below; nothing else waits for it.
    socket.on('error', () => {});
    await once(socket, 'connect', { signal });
    const reader = new LineReader();
    for await (const piece of socket as AsyncIterable<Buffer>) {
      for (const line of reader.push(piece)) {
        await this.#answer(vserverId, socket, line);
        await delay(ANSWER_PAUSE_MS, undefined, { signal });
      }
      await delay(Math.max(PIECE_PAUSE_MS, (piece.length * 1000) / BYTES_PER_SECOND), undefined, { signal });
    }
  }

  async #answer(vserverId: string, socket: Socket, line: Buffer): Promise<void> {
    const marker = parseMarker(line);
    const { status, why } = marker
      ? await takePassword(this.#directory, vserverId, marker.password, marker.how)
      : { status: 400, why: 'the line is none of the two forms' };
    this.#host.guestWays.count(
      vserverId,
      'serial',
      !marker ? 'malformed' : status === 200 ? 'stored' : 'refused',
    );
    if (status !== 200) this.#host.log.debug({ vserver: vserverId, why }, 'a password was refused');
    // A guest that reads none of its answers gets no more of them.
    if (socket.writableLength > 0) return;
    socket.write(status === 200 ? 'INNKEEPER-OK\n' : `INNKEEPER-REFUSED ${why}\n`);
  }
}
