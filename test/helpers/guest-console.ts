// Reads what the test guest tells its console, through the agent as an operator would.
import { guestImage, guestReport } from '../images/guest-image.ts';
import type { TestAgent } from './agent-process.ts';

const BOOT_MS = 300_000;
const ASK_MS = 4000;
const SILENT_MS = 15_000;
const OPEN_MS = 10_000;

/** Registers the test guest's image under the name `guest`. */
export async function registeredImage(agent: TestAgent): Promise<Record<string, unknown>> {
  return agent.call('registerDiskImage', {
    name: 'guest',
    uri: `file://${await guestImage()}`,
    osType: 'linux',
  });
}

/** A console, tried again when it does not open: right after its start libvirtd may leave one waiting. */
async function openedConsole(agent: Pick<TestAgent, 'client'>, vserver: string) {
  for (const end = Date.now() + BOOT_MS; ; ) {
    const opening = agent.client.console(vserver);
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, OPEN_MS, undefined));
    // Whoever opens it next takes it from the one before, who is refused if he was not yet done.
    const broken = (error: Error & { code?: string }) => {
      if (error.code !== 'hypervisor' || Date.now() > end) throw error;
      return late;
    };
    const console = await Promise.race([opening.catch(broken), late]);
    if (console) return console;
    opening.then((unwanted) => unwanted.destroy()).catch(() => {});
    if (Date.now() > end) throw new Error(`the console of ${vserver} does not open`);
  }
}

/** Types a line into the guest's shell; with `answer`, waits until that is seen. */
export async function typed(
  agent: Pick<TestAgent, 'client'>,
  vserver: string,
  line: string,
  answer?: RegExp,
): Promise<void> {
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
 * Whether one console has read it from the first line on: what is said between two consoles is lost, and a line is
 * spoilt by what the kernel says meanwhile, or by the echo of what was typed.
 */
function isWhole(report: Map<string, string>): boolean {
  const nics = [...report.keys()].filter((key) => key.startsWith('mac.'));
  return report.has('boot') && nics.every((mac) => report.has(mac.replace('mac.', 'address.')));
}

/**
 * Follows the console until the guest has told `until` (default: its report is complete).
 * The guest shows its report again on request, so that opening the console late loses nothing.
 */
export async function bootedGuest(
  agent: Pick<TestAgent, 'client'>,
  vserver: string,
  until = 'ready',
): Promise<Map<string, string>> {
  let text = '';
  let sinceOpen = '';
  let lastHeard = Date.now();
  const open = async () => {
    const console = await openedConsole(agent, vserver);
    sinceOpen = '';
    lastHeard = Date.now();
    console.on('error', () => {});
    return console.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      sinceOpen += chunk;
      lastHeard = Date.now();
    });
  };
  let console = await open();
  // A guest that has long told everything says nothing by itself; one that boots takes keys for its boot loader.
  const asking = setInterval(() => {
    const quiet = Date.now() - lastHeard >= ASK_MS;
    const up = sinceOpen.trim() === '' || sinceOpen.includes('guest# ');
    if (quiet && up && !console.destroyed) console.write('report\n');
  }, ASK_MS);
  try {
    for (const end = Date.now() + BOOT_MS; Date.now() < end; ) {
      const report = guestReport(sinceOpen);
      if (report.has(until) && isWhole(report)) return guestReport(text);
      await new Promise((resolve) => setTimeout(resolve, 100));
      // libvirtd hangs up on everybody when it goes, and a while after it has come back; or it says nothing any more.
      if (Date.now() - lastHeard > SILENT_MS) console.destroy();
      if (console.destroyed) console = await open();
    }
    throw new Error(`the guest of ${vserver} has not told "${until}":\n${text.slice(-3000)}`);
  } finally {
    clearInterval(asking);
    console.destroy();
  }
}
