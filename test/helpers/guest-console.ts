// Reads what the test guest tells its console, through the agent as an operator would.
import { guestImage, guestReport } from '../images/guest-image.ts';
import type { TestAgent } from './agent-process.ts';

const BOOT_MS = 300_000;
const ASK_MS = 4000;

/** Registers the test guest's image under the name `guest`. */
export async function registeredImage(agent: TestAgent): Promise<Record<string, unknown>> {
  return agent.call('registerDiskImage', {
    name: 'guest',
    uri: `file://${await guestImage()}`,
    osType: 'linux',
  });
}

/** Types a line into the guest's shell; with `answer`, waits until that is seen. */
export async function typed(agent: TestAgent, vserver: string, line: string, answer?: RegExp): Promise<void> {
  const console = await agent.client.console(vserver);
  let text = '';
  console.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  // The guest may end by what it is told, and its console with it.
  console.on('error', () => {});
  try {
    console.write(`\n${line}\n`);
    for (const end = Date.now() + BOOT_MS; answer ? !answer.test(text) : !text.includes(line); ) {
      if (Date.now() > end) throw new Error(`${vserver} did not answer "${line}":\n${text.slice(-2000)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    console.destroy();
  }
}

/**
 * Follows the console until the guest has told `until` (default: its report is complete).
 * The guest shows its report again on request, so that opening the console late loses nothing.
 */
export async function bootedGuest(
  agent: TestAgent,
  vserver: string,
  until = 'ready',
): Promise<Map<string, string>> {
  let text = '';
  const open = async () => {
    const console = await agent.client.console(vserver);
    console.on('error', () => {});
    return console.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  };
  let console = await open();
  // A guest that has long told everything says nothing by itself; one that boots takes keys for its boot loader.
  const asking = setInterval(() => {
    if (!console.destroyed && (text === '' || text.endsWith('guest# '))) console.write('report\n');
  }, ASK_MS);
  try {
    for (const end = Date.now() + BOOT_MS; Date.now() < end; ) {
      const report = guestReport(text);
      if (report.has(until)) return report;
      await new Promise((resolve) => setTimeout(resolve, 100));
      // libvirtd hangs up on everybody when it goes, and a while after it has come back.
      if (console.destroyed) console = await open();
    }
    throw new Error(`the guest of ${vserver} has not told "${until}":\n${text.slice(-3000)}`);
  } finally {
    clearInterval(asking);
    console.destroy();
  }
}
