// Follows what a machine says on its serial console.
import type { TestAgent } from '../helpers/agent-process.ts';
import { guestReport } from '../images/guest-image.ts';

/** Resolves with its report when the machine says that it is complete; it does not say it twice. */
export async function reportOf(
  agent: TestAgent,
  vserverId: string,
  milliseconds: number,
): Promise<Map<string, string>> {
  const console = await agent.client.console(vserverId);
  let text = '';
  try {
    return await new Promise((resolve, reject) => {
      const late = () => reject(new Error(`${vserverId} has told no report:\n${text.slice(-20_000)}`));
      const timer = setTimeout(late, milliseconds);
      console.once('close', () => clearTimeout(timer));
      console.once('end', late);
      console.once('error', reject);
      console.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        const report = guestReport(text);
        if (report.has('ready')) resolve(report);
      });
    });
  } finally {
    console.destroy();
  }
}
