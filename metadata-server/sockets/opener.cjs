// Short-lived child: started inside a network namespace, opens the sockets asked for and hands them to its parent.
//
// Plain JavaScript and no module, unlike everything else: it runs once for every VNet, and stripping types and loading
// modules would take two thirds of its life. What it is told and what it says is typed in messages.ts.
const dgram = require('node:dgram');
const net = require('node:net');

/** An IPv6 address may still be tentative (duplicate address detection); worth waiting for. */
const ADDRESS_WAIT_MS = 3_000;
const ADDRESS_RETRY_MS = 50;
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** @param message an OpenerMessage */
function send(message, handle) {
  return new Promise((resolve, reject) => {
    process.send(message, handle, {}, (error) => (error ? reject(error) : resolve()));
  });
}

/**
 * A guest may connect between listen() here and the hand-over, and then this process, which shares the
 * socket, may be the one to accept: such a connection is handed on too, unread.
 */
async function openTcp(request) {
  const server = net.createServer({ pauseOnConnect: true }, (socket) => {
    send({ type: 'connection', name: request.name }, socket).catch(() => socket.destroy());
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    const { backlog } = request;
    const place =
      request.kind === 'inherited'
        ? { fd: request.descriptor }
        : { host: request.address, port: request.port, ipv6Only: true };
    server.listen({ ...place, backlog }, resolve);
  });
  for (let sent = 0; sent < (request.handles ?? 1); sent++) {
    await send({ type: 'opened', name: request.name }, server);
  }
  server.close();
}

async function openUdp(request) {
  const socket = dgram.createSocket({ type: request.kind, ipv6Only: request.kind === 'udp6' });
  const address = request.kind === 'udp4' ? request.address : '::';
  await new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port: request.port, exclusive: true }, resolve);
  });
  // After a power cut all guests ask at once; the kernel gives as much of this as net.core.rmem_max allows.
  socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  if (request.kind === 'udp4') socket.setBroadcast(true);
  else socket.addMembership(request.group, `::%${request.device}`);
  await send({ type: 'opened', name: request.name }, socket);
  socket.close();
}

async function open(request) {
  const giveUp = Date.now() + ADDRESS_WAIT_MS;
  for (;;) {
    try {
      const stream = request.kind === 'tcp' || request.kind === 'inherited';
      return await (stream ? openTcp(request) : openUdp(request));
    } catch (error) {
      const tentative = error.code === 'EADDRNOTAVAIL';
      if (!tentative || Date.now() > giveUp) throw error;
      await new Promise((resolve) => setTimeout(resolve, ADDRESS_RETRY_MS));
    }
  }
}

async function openAll(requests) {
  for (const request of requests) {
    try {
      await open(request);
    } catch (error) {
      const { code = 'UNKNOWN', message } = error;
      await send({ type: 'failed', name: request.name, code, message });
      return;
    }
  }
  await send({ type: 'done' });
}

/** @param command an OpenCommand or EndCommand */
process.on('message', (command) => {
  if ('end' in command) process.disconnect();
  else openAll(command.open).catch(() => process.disconnect());
});
send({ type: 'ready' });
