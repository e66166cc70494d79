// A relay before libvirtd's socket that counts the calls a client makes, by procedure.

import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

const REMOTE_PROGRAM = 0x20008086;
const CALL = 0;

export interface CountingRelay {
  socket: string;
  /** Calls since the last reset, by procedure number. */
  calls: Map<number, number>;
  reset(): void;
}

/** Every byte passes unchanged; the frames are only looked at. */
export async function countingRelay(t: Test, target: string): Promise<CountingRelay> {
  const folder = await mkdtemp(join(tmpdir(), 'ikt-relay-'));
  const socket = join(folder, 'sock');
  const calls = new Map<number, number>();
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const daemon = connect(target);
    for (const end of [client, daemon]) {
      open.add(end);
      end
        .on('error', () => {})
        .on('close', () => {
          open.delete(end);
          client.destroy();
          daemon.destroy();
        });
    }
    client.on(
      'data',
      frames((procedure) => calls.set(procedure, (calls.get(procedure) ?? 0) + 1)),
    );
    client.pipe(daemon).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  t.teardown(async () => {
    for (const end of open) end.destroy();
    server.close();
    await rm(folder, { recursive: true });
  });
  return { socket, calls, reset: () => calls.clear() };
}

/** Calls `seen` with the procedure of each call frame: length, program, version, procedure, type. */
function frames(seen: (procedure: number) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 20 && rest.length >= rest.readUInt32BE(0)) {
      const isCall = rest.readUInt32BE(4) === REMOTE_PROGRAM && rest.readUInt32BE(16) === CALL;
      if (isCall) seen(rest.readUInt32BE(12));
      rest = rest.subarray(rest.readUInt32BE(0));
    }
  };
}
