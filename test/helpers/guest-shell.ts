// The shell on a test guest's serial console: commands one by one, and what the guest tells by itself.
import type { Duplex } from 'node:stream';
import type { TestAgent } from './agent-process.ts';

const PATIENCE_MS = 120_000;

export class GuestShell {
  readonly #console: Duplex;
  #text = '';
  #commands = 0;
  #wake: () => void = () => {};

  /** Opens the console of a VServer whose guest has booted. */
  static async open(agent: Pick<TestAgent, 'client'>, vserver: string): Promise<GuestShell> {
    return new GuestShell(await agent.client.console(vserver));
  }

  private constructor(console: Duplex) {
    this.#console = console;
    console.setEncoding('utf8').on('data', (chunk: string) => {
      this.#text += chunk;
      this.#wake();
    });
    console.once('close', () => this.#wake());
  }

  /** Where the conversation stands: `told` looks from here on. */
  get mark(): number {
    return this.#text.length;
  }

  /** Runs a command and resolves with what it printed. @throws if it fails, with its words */
  async run(command: string): Promise<string> {
    const number = ++this.#commands;
    const from = this.mark;
    // The quotes in the middle keep the echo of the line from looking like the answer.
    this.#console.write(`echo be""gin.${number}; ${command}; echo en""d.${number}=$?\n`);
    const end = new RegExp(`begin\\.${number}\\r?\\n([^]*?)end\\.${number}=(\\d+)\\r?\\n`);
    const [, output = '', code] = await this.#until(end, from, command);
    if (code !== '0') throw new Error(`${command} failed in the guest (${code}): ${output}`);
    return output.replaceAll('\r', '').trim();
  }

  /** Resolves when the guest has told `key` with that value since `from`. */
  async told(key: string, value: string, from: number): Promise<void> {
    await this.#until(new RegExp(`GUEST ${key}=${value}\\r?\\n`), from, `GUEST ${key}=${value}`);
  }

  close(): void {
    this.#console.destroy();
  }

  async #until(wanted: RegExp, from: number, what: string): Promise<RegExpExecArray> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = wanted.exec(this.#text.slice(from));
      if (found) return found;
      const left = end - Date.now();
      if (left <= 0 || this.#console.destroyed) {
        throw new Error(`the guest never answered "${what}":\n${this.#text.slice(-3000)}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
