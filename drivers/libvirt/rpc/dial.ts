// Opens the socket to libvirtd.
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { ConnectionLostError } from '../errors.ts';
import type { Target } from '../uri.ts';

function open(options: NetConnectOpts, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(options);
    const abort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    const finish = (): void => signal.removeEventListener('abort', abort);
    socket.once('connect', () => {
      finish();
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error) => {
      finish();
      reject(error);
    });
  });
}

/**
 * Connects to the first address that answers.
 * @throws ConnectionLostError naming every address tried, or the signal's reason.
 */
export async function dial(address: Target['address'], signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const tries: NetConnectOpts[] =
    'sockets' in address
      ? address.sockets.map((path) => ({ path }))
      : [{ host: address.host, port: address.port, noDelay: true, keepAlive: true }];
  const failures: string[] = [];
  for (const options of tries) {
    try {
      return await open(options, signal);
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new ConnectionLostError(`cannot reach libvirtd: ${failures.join('; ')}`);
}
