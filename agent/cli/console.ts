// Joins this terminal with the serial console of a VServer until Ctrl-] or the end of the guest.
import type { Duplex } from 'node:stream';
import type { ApiClient } from './client.ts';

/** Ctrl-], as telnet and virsh have it. */
const ESCAPE = 0x1d;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs the console on standard input and output. Bytes pass as they are: a console is the guest's screen, so what it
 * draws is not escaped. Input that is no terminal may end; the output goes on until the guest or a signal ends it.
 */
export async function runConsole(client: ApiClient, vserver: string): Promise<void> {
  const { stdin, stdout, stderr } = process;
  const guest = await client.console(vserver);
  if (stdin.isTTY) {
    stderr.write(`Connected to ${JSON.stringify(vserver)}; leave with Ctrl-].\n`);
    stdin.setRawMode(true);
  }
  const type = (typed: Buffer) => {
    const at = stdin.isTTY ? typed.indexOf(ESCAPE) : -1;
    guest.write(at === -1 ? typed : typed.subarray(0, at));
    if (at !== -1) guest.destroy();
  };
  // A terminal must get its modes back, whatever ends the command.
  const leave = () => guest.destroy();
  try {
    for (const signal of SIGNALS) process.once(signal, leave);
    stdin.on('data', type);
    await show(guest, stdout);
  } finally {
    for (const signal of SIGNALS) process.off(signal, leave);
    stdin.off('data', type);
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
