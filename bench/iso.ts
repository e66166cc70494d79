// Benchmark: our ISO writer against genisoimage and xorriso for three small files, and against cp for 50 MB.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeIso } from '../contextualization/mod.ts';

const run = promisify(execFile);
const LARGE = 50_000_000;

export const name = 'iso';

/** How often each case is run. */
export const rounds = 15;

/**
 * Makes the input in a temporary folder and gives the cases, each of which writes one image or copy.
 * Ours always ends with the image synchronised to disk. So does the copy by cp, by a `sync` of that file;
 * genisoimage and xorriso are timed without, in their favour.
 */
export async function prepare(): Promise<{
  cases: Record<string, () => Promise<unknown>>;
  close: () => Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'innkeeper-bench-iso-'));
  const at = (file: string) => join(folder, file);
  const files = ['meta-data', 'user-data', 'network-config'].map((path) => ({
    path,
    content: randomBytes(600),
  }));
  await mkdir(at('small'));
  for (const { path, content } of files) await writeFile(at(`small/${path}`), content);
  await writeFile(at('large'), randomBytes(LARGE));
  const large = [{ path: 'large', content: { file: at('large'), size: LARGE } }];
  const options = ['-quiet', '-R', '-J', '-V', 'cidata', '-o'];
  return {
    cases: {
      small: () => writeIso(at('ours.iso'), { label: 'cidata', files }),
      genisoimage: () => run('genisoimage', [...options, at('genisoimage.iso'), at('small')]),
      xorriso: () => run('xorriso', ['-as', 'mkisofs', ...options, at('xorriso.iso'), at('small')]),
      large: () => writeIso(at('large.iso'), { label: 'cidata', files: large }),
      cp: () => run('sh', ['-c', 'cp "$1" "$2" && sync "$2"', 'cp', at('large'), at('copy')]),
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** From the medians in milliseconds; below 1 we are faster. */
export function ratios(medians: Record<string, number>): Record<string, number> {
  const ratio = (ours: string, theirs: string) =>
    (medians[ours] ?? Number.NaN) / (medians[theirs] ?? Number.NaN);
  return {
    small_vs_genisoimage: ratio('small', 'genisoimage'),
    small_vs_xorriso: ratio('small', 'xorriso'),
    large_vs_cp: ratio('large', 'cp'),
  };
}
