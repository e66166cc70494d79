// The bytes of a laid out image as a stream of pieces, of which only one is ever in memory.
import { open } from 'node:fs/promises';
import { ContextError, shown } from '../errors.ts';
import { SECTOR, sectorsFor } from './fields.ts';
import type { Layout } from './layout.ts';
import type { FileNode } from './tree.ts';

/** Most bytes read from a file at once. */
export const PIECE = 1 << 20;

/**
 * Yields the image from its first byte to its last. A piece may be overwritten as soon as the next one is
 * asked for, so a consumer must have written it by then.
 * @throws ContextError `invalid` when a streamed file is not as long as it was said to be
 */
export async function* imagePieces(layout: Layout): AsyncGenerator<Uint8Array> {
  yield layout.head;
  for (const file of layout.files) {
    if (file.content instanceof Uint8Array) yield file.content;
    else yield* filePieces(file, file.content.file);
    const gap = sectorsFor(file.size) * SECTOR - file.size;
    if (gap > 0) yield Buffer.alloc(gap);
  }
}

async function* filePieces(node: FileNode, path: string): AsyncGenerator<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(Math.min(PIECE, node.size + 1));
    let left = node.size;
    for (;;) {
      // One byte more than expected is asked for at the end, so that a file that grew is noticed.
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, left + 1));
      if (bytesRead > left) throw wrongSize(node, 'longer');
      if (bytesRead === 0 && left > 0) throw wrongSize(node, 'shorter');
      if (bytesRead === 0) return;
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

function wrongSize(node: FileNode, how: string): ContextError {
  return new ContextError(
    'invalid',
    `The content of ${shown(node.path)} is ${how} than its ${node.size} bytes.`,
  );
}
