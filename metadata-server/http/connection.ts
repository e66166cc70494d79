// What a connection and the first line of a request tell.
import type net from 'node:net';

/** Without the query; no item of ours needs percent decoding, so none is done. */
export function pathOf(url: string): string[] {
  return (url.split('?', 1)[0] ?? '').split('/').filter((part) => part !== '');
}

/** Reading the peer of a link-local connection can throw: its interface is one of another namespace. */
export function remoteAddress(socket: net.Socket): string | undefined {
  try {
    return socket.remoteAddress?.replace(/^::ffff:/, '').replace(/%.*$/, '');
  } catch {
    return undefined;
  }
}
