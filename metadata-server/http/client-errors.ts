// What is no HTTP request: answered where that is still possible, told apart, and cut off.
import type { Duplex } from 'node:stream';

const STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Ends the connection. @returns what it was; undefined when the guest has just gone away */
export function endBrokenConnection(
  error: NodeJS.ErrnoException,
  socket: Duplex & { bytesWritten?: number },
): 'malformed' | 'slow' | undefined {
  const { code = '' } = error;
  const broken = code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT';
  // Into an answer that has begun, another one must not be written.
  if (broken && socket.writable && socket.bytesWritten === 0) {
    socket.write(`HTTP/1.1 ${STATUS[code] ?? '400 Bad Request'}\r\nConnection: close\r\n\r\n`);
  }
  socket.destroy(error);
  if (!broken) return undefined;
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'slow' : 'malformed';
}
