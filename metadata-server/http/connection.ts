// What a connection and the first line of a request tell.
import type net from 'node:net';

/** Without the query; no item of ours needs percent decoding, so none is done. */
export function pathOf(url: string): string[] {
  const query = url.indexOf('?');
  const end = query < 0 ? url.length : query;
  const parts: string[] = [];
  for (let at = 0; at < end; ) {
    const slash = url.indexOf('/', at);
    const stop = slash < 0 || slash > end ? end : slash;
    if (stop > at) parts.push(url.slice(at, stop));
    at = stop + 1;
  }
  return parts;
}

/** Reading the peer of a link-local connection can throw: its interface is one of another namespace. */
export function remoteAddress(socket: net.Socket): string | undefined {
  try {
    return socket.remoteAddress?.replace(/^::ffff:/, '').replace(/%.*$/, '');
  } catch {
    return undefined;
  }
}
