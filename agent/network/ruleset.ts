// The agent's rules on this host: applies transactions in turn and reads back ports and counters.
import { frameText, removeFrameText } from './bridge-table.ts';
import { COUNTED_SETS, readCounters, readPorts, type VNicCounters } from './observe.ts';
import type { Run } from './run.ts';

const NOTHING_THERE = /No such file or directory/;

export class Ruleset {
  readonly #prefix: string;
  readonly #run: Run;
  /** Transactions one after another: the kernel would do the same, and failures stay with their cause. */
  #queue: Promise<unknown> = Promise.resolve();
  /** Whether the table's frame is known to be there, so that a VNIC's rules can be sent alone. */
  #framed = false;

  constructor(prefix: string, run: Run) {
    this.#prefix = prefix;
    this.#run = run;
  }

  /**
   * One atomic transaction. The table's frame goes with it the first time, with `renewFrame`, and once more if it
   * fails: somebody may have flushed the host's whole ruleset.
   */
  apply(text: string, renewFrame = false): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#framed && !renewFrame) {
        try {
          await this.#run('nft', ['-f', '-'], text);
          return;
        } catch {
          this.#framed = false;
        }
      }
      await this.#run('nft', ['-f', '-'], frameText(this.#prefix) + text);
      this.#framed = true;
    });
  }

  /** Removes the tables if they know no port any more: a host without VNets keeps nothing of ours. */
  removeIfEmpty(): Promise<void> {
    return this.#inTurn(async () => {
      if ((await this.ports()).length > 0) return;
      await this.#run('nft', ['-f', '-'], removeFrameText(this.#prefix));
      this.#framed = false;
    });
  }

  /** Devices the rules know (taps, veths, uplinks), whether they exist or not. */
  async ports(): Promise<string[]> {
    return readPorts(await this.#list('set', 'bridge', this.#prefix, 'ports'), this.#prefix).sort();
  }

  /** Frames by device. Set by set: all at once would also be what security lists remember, which guests fill. */
  async counters(): Promise<Map<string, VNicCounters>> {
    const list = (set: string) => this.#list('set', 'bridge', this.#prefix, set);
    return readCounters(await Promise.all(COUNTED_SETS.map(list)), this.#prefix);
  }

  /** `nft -j list …`; empty if what is listed is not there. */
  #list(...what: string[]): Promise<string> {
    return this.#run('nft', ['-j', 'list', ...what]).catch((error: Error) => {
      if (NOTHING_THERE.test(error.message)) return '';
      throw error;
    });
  }

  #inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.#queue.then(task);
    this.#queue = turn.catch(() => {});
    return turn;
  }
}
