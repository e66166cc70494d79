// The test guest's image, built when first asked for, and the report it prints on its console.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = fileURLToPath(new URL('./build-guest.sh', import.meta.url));

let building: Promise<string> | undefined;

/**
 * Path of the test guest's disk image (qcow2, BIOS, 32 MiB); what it does is told in test/images/README.md.
 * The first call builds it (seconds); parallel tests wait for each other by the script's lock.
 * Where it cannot be built (a machine without apt's network), INNKEEPER_GUEST_IMAGE names one that has been.
 * The file is shared: tests start from a copy or an overlay of it.
 */
export function guestImage(): Promise<string> {
  const given = process.env.INNKEEPER_GUEST_IMAGE;
  if (given) return Promise.resolve(given);
  building ??= run('bash', [script], { maxBuffer: 1 << 20 }).then(({ stdout }) => stdout.trim());
  return building;
}

/** What a guest has told its console so far: `GUEST key=value` lines, the last one of a key counts. */
export function guestReport(console: string): Map<string, string> {
  const report = new Map<string, string>();
  for (const [, key, value] of console.matchAll(/^GUEST ([^=\r\n]+)=([^\r\n]*)\r?\n/gm)) {
    report.set(key ?? '', value ?? '');
  }
  return report;
}
