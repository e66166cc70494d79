// Brings an image into a file: what is in memory with one call, files of the host piece by piece.
import { type FileHandle, open } from 'node:fs/promises';
import type { Layout } from './layout.ts';
import { imageParts, type StreamedFile, wrongSize } from './stream.ts';

/** Most bytes of a file in one buffer. */
const PIECE = 1 << 20;
/** Pieces on their way at the same time: one is read while the other one is written, and nobody waits in between. */
const LANES = 2;

/**
 * Writes the whole image into an empty file.
 * @throws ContextError `invalid` when a streamed file is not as long as it was said to be; nothing is under way then
 */
export async function writeImage(image: FileHandle, layout: Layout): Promise<void> {
  let at = 0;
  for (const part of imageParts(layout)) {
    if (Array.isArray(part)) at += await writeFully(image, part, at);
    else {
      await copyFile(image, part, at);
      at += part.size;
    }
  }
}

async function copyFile(image: FileHandle, file: StreamedFile, start: number): Promise<void> {
  const source = await open(file.content.file, 'r');
  const pieces = Math.max(1, Math.ceil(file.size / PIECE));
  let next = 0;
  const lane = async () => {
    // One byte more than expected is asked for at the end, so that a file that grew is noticed.
    const buffer = Buffer.allocUnsafe(Math.min(PIECE, file.size) + 1);
    while (next < pieces) {
      const from = next * PIECE;
      const length = Math.min(PIECE, file.size - from);
      next += 1;
      const wanted = next === pieces ? length + 1 : length;
      const found = await readFully(source, buffer.subarray(0, wanted), from);
      if (found !== length) throw wrongSize(file, found > length ? 'longer' : 'shorter');
      await writeFully(image, [buffer.subarray(0, length)], start + from);
    }
  };
  const stopping = (error: unknown) => {
    next = pieces;
    throw error;
  };
  try {
    const lanes = Array.from({ length: Math.min(LANES, pieces) }, () => lane().catch(stopping));
    const failed = (await Promise.allSettled(lanes)).find(({ status }) => status === 'rejected');
    if (failed) throw (failed as PromiseRejectedResult).reason;
  } finally {
    await source.close();
  }
}

/** As much as there is, up to the length of the buffer. */
async function readFully(file: FileHandle, buffer: Buffer, position: number): Promise<number> {
  let found = 0;
  while (found < buffer.length) {
    const { bytesRead } = await file.read(buffer, found, buffer.length - found, position + found);
    if (bytesRead === 0) break;
    found += bytesRead;
  }
  return found;
}

/** With one call, if the file system takes so much at once. @returns how many bytes that were */
async function writeFully(file: FileHandle, pieces: Uint8Array[], position: number): Promise<number> {
  let left = pieces;
  let at = position;
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left, at);
    at += bytesWritten;
    left = without(left, bytesWritten);
  }
  return at - position;
}

/** What is left of the pieces behind their first bytes. */
function without(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  return pieces.flatMap((piece) => {
    const rest = piece.subarray(Math.min(skip, piece.byteLength));
    skip -= piece.byteLength - rest.byteLength;
    return rest.byteLength > 0 ? [rest] : [];
  });
}
