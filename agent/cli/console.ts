// Joins this terminal with the serial console of a VServer until Ctrl-] or the end of the guest.
import type { Duplex } from 'node:stream';
import type { ApiClient } from './client.ts';
import { UsageError } from './failures.ts';

/** What is typed to leave, and whether the guest is told how large the terminal is. */
export interface ConsoleOptions {
  /** A control character; undefined: nothing typed leaves. */
  escape: number | undefined;
  resize: boolean;
}

/** `^]` (as telnet and virsh have it) is 0x1d, `none` is undefined. @throws UsageError */
export function escapeByte(key: string): number | undefined {
  if (key === 'none') return undefined;
  const letter = /^\^([A-Za-z[\\\]^_])$/.exec(key)?.[1];
  if (letter === undefined) throw new UsageError(`"${key}" is no control key: ^A to ^_, or none`);
  return letter.toUpperCase().charCodeAt(0) & 0x1f;
}

/** A serial line has no word for its size; a shell has. The space before it keeps it out of the shell's history. */
function sizeLine({ rows, columns }: NodeJS.WriteStream): string {
  return ` stty rows ${rows} cols ${columns}\r`;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs the console on standard input and output. Bytes pass as they are: a console is the guest's screen, so what it
 * draws is not escaped. Input that is no terminal may end; the output goes on until the guest or a signal ends it.
 */
export async function runConsole(
  client: ApiClient,
  vserver: string,
  { escape: leaving, resize }: ConsoleOptions,
): Promise<void> {
  const { stdin, stdout, stderr } = process;
  const guest = await client.console(vserver);
  if (stdin.isTTY) {
    const way =
      leaving === undefined
        ? 'end it from elsewhere'
        : `leave with Ctrl-${String.fromCharCode(leaving + 64)}`;
    stderr.write(`Connected to ${JSON.stringify(vserver)}; ${way}.\n`);
    stdin.setRawMode(true);
  }
  const type = (typed: Buffer) => {
    const at = stdin.isTTY && leaving !== undefined ? typed.indexOf(leaving) : -1;
    guest.write(at === -1 ? typed : typed.subarray(0, at));
    if (at !== -1) guest.destroy();
  };
  // A terminal must get its modes back, whatever ends the command.
  const leave = () => guest.destroy();
  const tellSize = () => void (stdout.rows && guest.write(sizeLine(stdout)));
  try {
    for (const signal of SIGNALS) process.once(signal, leave);
    stdin.on('data', type);
    if (resize) {
      tellSize();
      stdout.on('resize', tellSize);
    }
    await show(guest, stdout);
  } finally {
    for (const signal of SIGNALS) process.off(signal, leave);
    stdin.off('data', type);
    stdout.off('resize', tellSize);
    stdin.pause();
    if (stdin.isTTY) {
      stdin.setRawMode(false);
      // Whatever colours or modes the guest left behind end with its console.
      stdout.write('\u001b[0m\u001b[?25h\r\n');
    }
  }
}

/** Copies output until the connection is over; waits for a slow terminal rather than keep its output in memory. */
function show(guest: Duplex, stdout: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve, reject) => {
    guest.on('data', (drawn: Buffer) => {
      if (stdout.write(drawn)) return;
      guest.pause();
      stdout.once('drain', () => guest.resume());
    });
    guest.once('end', () => guest.destroy());
    guest.once('close', () => resolve());
    guest.once('error', reject);
  });
}
