// Finds the few lines of a guest's byte stream that are meant for the agent, and keeps nothing else.

/** Every line meant for the agent begins so. */
const PREFIX = Buffer.from('INNKEEPER-');
/** Longest line, without its ending. */
export const LINE_MAX = 4_096;
/** Most lines taken of one piece; what follows them in it is dropped. */
export const LINES_PER_PIECE = 8;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Cuts a stream of any bytes into lines. A line that begins otherwise than one for the agent is dropped as soon as that
 * is seen, one that grows too long as soon as it has; so never more than one line's length is held.
 */
export class LineReader {
  readonly #line = Buffer.alloc(LINE_MAX);
  #length = 0;
  /** What comes until the next line ending belongs to a line that is dropped. */
  #dropping = false;

  /** Bytes held of a line that has not ended yet. */
  get held(): number {
    return this.#length;
  }

  /** The lines that end in this piece, without their endings. */
  push(piece: Uint8Array): Buffer[] {
    const lines: Buffer[] = [];
    for (let at = 0; at < piece.length; ) {
      const end = piece.indexOf(NEWLINE, at);
      this.#keep(piece.subarray(at, end === -1 ? piece.length : end));
      if (end === -1) break;
      const line = this.#end();
      if (line && lines.length < LINES_PER_PIECE) lines.push(line);
      at = end + 1;
    }
    return lines;
  }

  #keep(bytes: Uint8Array): void {
    if (!this.#dropping && this.#length + bytes.length > LINE_MAX) this.#drop();
    if (this.#dropping) return;
    this.#line.set(bytes, this.#length);
    this.#length += bytes.length;
    const known = Math.min(this.#length, PREFIX.length);
    if (this.#line.compare(PREFIX, 0, known, 0, known) !== 0) this.#drop();
  }

  #drop(): void {
    this.#dropping = true;
    this.#forget();
  }

  #end(): Buffer | undefined {
    const cut = this.#line[this.#length - 1] === CARRIAGE_RETURN ? 1 : 0;
    const whole = !this.#dropping && this.#length - cut >= PREFIX.length;
    const line = whole ? Buffer.from(this.#line.subarray(0, this.#length - cut)) : undefined;
    this.#dropping = false;
    this.#forget();
    return line;
  }

  /** It may have been a password. */
  #forget(): void {
    this.#line.fill(0, 0, this.#length);
    this.#length = 0;
  }
}
