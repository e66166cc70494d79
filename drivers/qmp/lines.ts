// Cuts a byte stream into lines, without ever holding more than one line's limit.
import { QmpProtocolError } from './errors.ts';

/** QEMU's largest answers (schema, block nodes of many disks) stay well below this, in bytes. */
export const LINE_MAX = 16 * 1024 * 1024;

const NEWLINE = 0x0a;

/** Incremental: chunks may end anywhere, also inside a multi-byte character. */
export class LineSplitter {
  readonly #max: number;
  #chunks: Buffer[] = [];
  #held = 0;

  constructor(max = LINE_MAX) {
    this.#max = max;
  }

  /**
   * @returns the lines completed by this chunk, without their line ends and without empty ones.
   * @throws QmpProtocolError when a line is longer than the limit.
   */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#hold(chunk.subarray(from, at));
      const line = Buffer.concat(this.#chunks, this.#held).toString('utf8').trim();
      if (line !== '') lines.push(line);
      this.#chunks = [];
      this.#held = 0;
      from = at + 1;
    }
    this.#hold(chunk.subarray(from));
    return lines;
  }

  #hold(part: Buffer): void {
    if (part.length === 0) return;
    this.#held += part.length;
    if (this.#held > this.#max) throw new QmpProtocolError(`a line of more than ${this.#max} bytes`);
    this.#chunks.push(part);
  }
}
