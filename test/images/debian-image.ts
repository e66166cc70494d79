// The Debian machine with cloud-init, built when first asked for.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = fileURLToPath(new URL('./build-debian.sh', import.meta.url));

/**
 * Path of a Debian disk image (qcow2, BIOS) as clouds have them: systemd, networkd, ssh and cloud-init, never booted.
 * The first call builds it (about a minute). The file is shared: start from a copy or an overlay of it.
 */
export async function debianImage(): Promise<string> {
  const { stdout } = await run('bash', [script], { maxBuffer: 1 << 20 });
  return stdout.trim();
}
