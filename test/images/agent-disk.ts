// The disk that brings QEMU's guest agent into the test guest, built when first asked for.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = fileURLToPath(new URL('./build-agent-disk.sh', import.meta.url));

/** Path of a raw image, an ISO 9660 file system: `start` on it loads ext4's modules and starts the agent. */
export async function agentDisk(): Promise<string> {
  const { stdout } = await run('bash', [script], { maxBuffer: 1 << 20 });
  return stdout.trim();
}
