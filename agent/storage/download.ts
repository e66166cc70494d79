// Fetches one file by HTTP(S) from a server that may stall, cut off or lie, resuming where it can.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { InnkeeperError } from '../resources/errors.ts';
import { abortError } from './child.ts';
import { humanBytes, isAbort, isErrno } from './errors.ts';
import { type Answer, ask, type HttpLimits, ServerTrouble, shownUri } from './http-request.ts';
import type { TaskOptions } from './pool.ts';

export interface DownloadLimits extends HttpLimits {
  /** Largest file taken, in bytes; default 256 GiB. */
  maxBytes?: number;
  /** Tries in a row that bring nothing new before giving up; default 5. */
  attempts?: number;
  /** First pause between tries in milliseconds, doubled each time; default 500. */
  pauseMs?: number;
  /** Asked before a body of known length is taken: bytes that can still be written. */
  freeBytes?: () => Promise<number>;
}

/** What must be remembered to continue after a restart of the agent. */
export interface DownloadState {
  /** Strong ETag or Last-Modified of the content the bytes so far belong to. */
  validator?: string;
  /** Length of the whole, if the server said it. */
  totalBytes?: number;
}

export interface DownloadTask extends TaskOptions {
  uri: string;
  /** File to write; what it already holds is kept if `state` says what it belongs to. */
  path: string;
  state: DownloadState;
  limits: DownloadLimits;
  /** Called before bytes of a new validator are written. */
  remember: (state: DownloadState) => Promise<void>;
}

/**
 * Downloads `uri` to `path`.
 * @returns length in bytes
 * @throws InnkeeperError `not-found`, `invalid` (refused, too large), `no-capacity`, `internal` (the server
 * fails, stalls or cuts off again and again), `cancelled`
 */
export async function download(task: DownloadTask): Promise<number> {
  const file = await open(task.path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    return await new Transfer(task, file).run();
  } finally {
    await file.close();
  }
}

/** Tries altogether, as a multiple of those in vain. */
const MOST_ROUNDS = 20;

class Transfer {
  readonly #task: DownloadTask;
  readonly #file: FileHandle;
  #state: DownloadState;
  #bytes = 0;

  constructor(task: DownloadTask, file: FileHandle) {
    this.#task = task;
    this.#file = file;
    this.#state = task.state;
  }

  async run(): Promise<number> {
    const { limits, uri, signal } = this.#task;
    this.#bytes = this.#state.validator === undefined ? 0 : (await this.#file.stat()).size;
    const attempts = limits.attempts ?? 5;
    let inVain = 0;
    let most = this.#bytes;
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#attempt();
        await this.#file.truncate(this.#bytes);
        return this.#bytes;
      } catch (error) {
        if (!(error instanceof ServerTrouble)) throw error;
        // Only what nobody had before is progress; and a server that gives crumbs is not humoured for ever.
        inVain = this.#bytes > most ? 1 : inVain + 1;
        most = Math.max(most, this.#bytes);
        if (inVain >= attempts || tries >= attempts * MOST_ROUNDS) {
          const got = `${humanBytes(this.#bytes)} were received`;
          const message = `Could not download ${shownUri(uri)}: ${error.message} (${got}, gave up after ${tries} tries).`;
          throw new InnkeeperError('internal', message, {}, error);
        }
        await pause((limits.pauseMs ?? 500) * 2 ** (inVain - 1), signal);
      }
    }
  }

  /** One request. Returns when the whole content is there. @throws ServerTrouble if trying again may help */
  async #attempt(): Promise<void> {
    const { validator, totalBytes } = this.#state;
    if (validator === undefined) this.#bytes = 0;
    if (this.#bytes > 0 && this.#bytes === totalBytes) return;
    const range = this.#bytes > 0 && validator !== undefined;
    const headers = range ? { range: `bytes=${this.#bytes}-`, 'if-range': validator } : {};
    const { limits, uri, signal } = this.#task;
    const answer = await ask(uri, headers, limits, signal);
    try {
      await this.#begin(answer, range);
      for await (const chunk of answer.body()) await this.#take(chunk);
    } finally {
      answer.destroy();
    }
    const total = this.#state.totalBytes;
    if (total !== undefined && this.#bytes !== total) {
      throw new ServerTrouble(`the server ended after ${this.#bytes} of ${total} bytes`);
    }
  }

  /** Decides whether the body continues what we have or starts over. */
  async #begin(answer: Answer, asked: boolean): Promise<void> {
    if (answer.status === 416) {
      this.#state = {};
      throw new ServerTrouble('the server no longer has the rest of what it began to send');
    }
    const continues = answer.status === 206;
    if (continues && (!asked || answer.rangeStart !== this.#bytes)) {
      this.#state = {};
      throw new ServerTrouble('the server sent another part than was asked for');
    }
    if (!continues) {
      this.#bytes = 0;
      await this.#file.truncate(0);
      this.#state = {};
    }
    const totalBytes = continues ? (answer.rangeTotal ?? this.#state.totalBytes) : answer.length;
    const validator = continues ? this.#state.validator : answer.validator;
    this.#state = {
      ...(validator === undefined ? {} : { validator }),
      ...(totalBytes === undefined ? {} : { totalBytes }),
    };
    await this.#checkRoom();
    await this.#task.remember(this.#state);
  }

  async #checkRoom(): Promise<void> {
    const { totalBytes } = this.#state;
    if (totalBytes === undefined) return;
    this.#refuseAbove(totalBytes);
    const free = await this.#task.limits.freeBytes?.();
    const needed = totalBytes - this.#bytes;
    if (free === undefined || needed <= free) return;
    const message = `The image needs ${humanBytes(needed)} and the library has ${humanBytes(free)} free.`;
    throw new InnkeeperError('no-capacity', message);
  }

  #refuseAbove(bytes: number): void {
    const most = this.#task.limits.maxBytes ?? 256 * 2 ** 30;
    if (bytes <= most) return;
    throw new InnkeeperError(
      'invalid',
      `${shownUri(this.#task.uri)} is larger than the ${humanBytes(most)} allowed.`,
    );
  }

  async #take(chunk: Uint8Array): Promise<void> {
    this.#refuseAbove(this.#bytes + chunk.length);
    let written = 0;
    while (written < chunk.length) {
      const { bytesWritten } = await this.#file.write(chunk, written, chunk.length - written, this.#bytes);
      written += bytesWritten;
      this.#bytes += bytesWritten;
    }
    this.#task.onProgress?.(this.#bytes, Math.max(this.#bytes, this.#state.totalBytes ?? 0));
  }
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds * (0.5 + Math.random() / 2), undefined, signal ? { signal } : {});
  } catch (error) {
    if (isAbort(error) || isErrno(error, 'ABORT_ERR')) throw abortError(signal);
    throw error;
  }
}
