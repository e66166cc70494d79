// What the guest itself says, on its serial console.
import type { Duplex } from 'node:stream';
import type { ApiClient } from '../../agent/cli/client.ts';
import { guestReport } from '../../test/images/guest-image.ts';
import { until } from './wait.ts';

/** How long a guest may take to boot; without hardware virtualization it takes some seconds, nested even more. */
const BOOT_SECONDS = 180;
const ASK_AGAIN_MS = 5000;

/**
 * Watches the console until the guest's report is complete.
 * @throws Error with the end of the console, if it never is
 */
export async function watchGuest(client: ApiClient, vserver: string): Promise<Map<string, string>> {
  const console = await client.console(vserver);
  let text = '';
  console.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  // One who opens a console late asks the guest to say it again.
  const asking = setInterval(() => console.write('report\r'), ASK_AGAIN_MS);
  try {
    return await until("the guest's report", BOOT_SECONDS, () => completeReport(console, text));
  } catch (error) {
    const tail = text.split('\n').slice(-15).join('\n');
    throw new Error(`${(error as Error).message}; its console ends with:\n${tail}`, { cause: error });
  } finally {
    clearInterval(asking);
    console.destroy();
  }
}

function completeReport(console: Duplex, text: string): Map<string, string> | undefined {
  const report = guestReport(text);
  // `boot` is the first line and `ready` the last one: with both, nothing between them is missing.
  if (report.has('boot') && report.has('ready')) return report;
  if (console.destroyed) throw new Error("the guest's console was closed");
  return undefined;
}
