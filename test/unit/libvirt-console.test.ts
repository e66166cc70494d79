// A console that libvirtd never opens: the client gives up in its time and lets libvirtd know by hanging up.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { CallTimeoutError, LibvirtClient } from '../../drivers/libvirt/mod.ts';
import { PROCEDURES } from '../../drivers/libvirt/protocol/index.ts';
import { encodeFrame, FrameSplitter } from '../../drivers/libvirt/rpc/frame.ts';

const DOMAIN = { name: 'one', uuid: '00000000-0000-4000-8000-000000000001', id: 1 };

t.test('a console that is not opened in time is given up', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ik-console-'));
  const hungUp = Promise.withResolvers<void>();
  const server = createServer((socket: Socket) => {
    const splitter = new FrameSplitter();
    socket.once('close', () => hungUp.resolve());
    socket.on('data', (chunk: Buffer) => {
      for (const call of splitter.push(chunk)) {
        const silent = call.procedure === PROCEDURES.domain_open_console.number;
        const noAuthentication = call.procedure === PROCEDURES.auth_list.number;
        if (!silent)
          socket.write(encodeFrame({ ...call, type: 1 }, (out) => noAuthentication && out.uint32(0)));
      }
    });
  });
  t.teardown(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });
  const path = join(folder, 'sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = new LibvirtClient({
    uri: `qemu+unix:///system?socket=${path}`,
    connectTimeoutMs: 300,
    events: [],
  });
  await t.rejects(client.openConsole(DOMAIN), CallTimeoutError);
  await hungUp.promise;
  t.pass('libvirtd sees the end of it');
  await client.close();
});
