// The options of one client's message: where each value is, found once, looked at only when it is asked for.

const PAD = 0;
const END = 255;

/** What reading an option needs; a Map does as well. */
export interface OptionSource {
  get(code: number): Buffer | undefined;
  has(code: number): boolean;
}

/** Values are views into the datagram. An option met again continues the earlier one (RFC 3396). */
export class RequestOptions implements OptionSource {
  readonly #data: Buffer;
  /** Code, beginning and length of each, one after another: no object for an option that nobody reads. */
  readonly #found: number[] = [];

  constructor(data: Buffer) {
    this.#data = data;
  }

  /** Notes the options between two places of the message; false if one runs over the end. */
  collect(begin: number, end: number): boolean {
    const data = this.#data;
    let at = begin;
    while (at < end) {
      const code = data[at++] as number;
      if (code === PAD) continue;
      if (code === END) return true;
      const length = at < end ? (data[at++] as number) : undefined;
      if (length === undefined || at + length > end) return false;
      this.#found.push(code, at, length);
      at += length;
    }
    return true;
  }

  has(code: number): boolean {
    const found = this.#found;
    for (let i = 0; i < found.length; i += 3) if (found[i] === code) return true;
    return false;
  }

  get(code: number): Buffer | undefined {
    const found = this.#found;
    let times = 0;
    let size = 0;
    let last = 0;
    for (let i = 0; i < found.length; i += 3) {
      if (found[i] !== code) continue;
      times++;
      size += found[i + 2] as number;
      last = i;
    }
    if (times === 0) return undefined;
    return times === 1 ? this.#part(last) : this.#joined(code, size);
  }

  #part(at: number): Buffer {
    const begin = this.#found[at + 1] as number;
    return this.#data.subarray(begin, begin + (this.#found[at + 2] as number));
  }

  /** Copied once: there may be thousands of instances, and each client is to cost the same. */
  #joined(code: number, size: number): Buffer {
    const found = this.#found;
    const value = Buffer.allocUnsafe(size);
    let to = 0;
    for (let i = 0; i < found.length; i += 3) {
      if (found[i] !== code) continue;
      const begin = found[i + 1] as number;
      to += this.#data.copy(value, to, begin, begin + (found[i + 2] as number));
    }
    return value;
  }
}
