// The bytes of a laid out image as a stream of pieces, of which only two are ever in memory.
import { type FileHandle, open } from 'node:fs/promises';
import { ContextError, shown } from '../errors.ts';
import { SECTOR, sectorsFor } from './fields.ts';
import type { Layout } from './layout.ts';
import type { FileNode } from './tree.ts';

/** Most bytes read from a file at once. */
const PIECE = 1 << 20;
/** About as many bytes of small files, and at most so many pieces, are put together. */
const BATCH_BYTES = PIECE;
const BATCH_PIECES = 512;
/** What follows the end of a file in its last sector. */
const ZEROS = Buffer.alloc(SECTOR);

export type StreamedFile = FileNode & { content: { file: string } };

/** The image from its first byte to its last: pieces in memory, several together; and files to be read in between. */
export function* imageParts(layout: Layout): Generator<Uint8Array[] | StreamedFile> {
  let batch: Uint8Array[] = [layout.head];
  let bytes = 0;
  for (const file of layout.files) {
    if (isStreamed(file)) {
      yield batch;
      yield file;
      [batch, bytes] = [[], 0];
    } else {
      batch.push(file.content as Uint8Array);
      bytes += file.size;
    }
    const gap = sectorsFor(file.size) * SECTOR - file.size;
    if (gap > 0) batch.push(ZEROS.subarray(0, gap));
    if (bytes < BATCH_BYTES && batch.length < BATCH_PIECES) continue;
    yield batch;
    [batch, bytes] = [[], 0];
  }
  yield batch;
}

/**
 * Yields the image from its first byte to its last. A piece may be overwritten as soon as the next one is
 * asked for, so a consumer must have written it by then; nobody may write into one.
 * @throws ContextError `invalid` when a streamed file is not as long as it was said to be
 */
export async function* imagePieces(layout: Layout): AsyncGenerator<Uint8Array> {
  for (const part of imageParts(layout)) {
    if (Array.isArray(part)) yield* part;
    else yield* filePieces(part);
  }
}

function isStreamed(file: FileNode): file is StreamedFile {
  return !(file.content instanceof Uint8Array);
}

/** Reads one piece ahead of the one being written; two buffers are all the memory a file takes. */
async function* filePieces(node: StreamedFile): AsyncGenerator<Uint8Array> {
  const handle = await open(node.content.file, 'r');
  try {
    const bytes = Math.min(PIECE, node.size + 1);
    let [current, other] = [Buffer.allocUnsafe(bytes), Buffer.allocUnsafe(bytes)];
    let left = node.size;
    // One byte more than expected is asked for at the end, so that a file that grew is noticed.
    let reading = startRead(handle, current, left + 1);
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead > left) throw wrongSize(node, 'longer');
      if (bytesRead === 0 && left > 0) throw wrongSize(node, 'shorter');
      if (bytesRead === 0) return;
      left -= bytesRead;
      reading = startRead(handle, other, left + 1);
      yield current.subarray(0, bytesRead);
      [current, other] = [other, current];
    }
  } finally {
    await handle.close();
  }
}

/** The reader may have gone by the time a read ahead fails: then nobody is left to tell. */
function startRead(handle: FileHandle, buffer: Buffer, wanted: number): Promise<{ bytesRead: number }> {
  const reading = handle.read(buffer, 0, Math.min(buffer.length, wanted));
  reading.catch(() => {});
  return reading;
}

/** What is said of a streamed file that is longer, or shorter, than was said. */
export function wrongSize(node: FileNode, how: 'longer' | 'shorter'): ContextError {
  return new ContextError(
    'invalid',
    `The content of ${shown(node.path)} is ${how} than its ${node.size} bytes.`,
  );
}
