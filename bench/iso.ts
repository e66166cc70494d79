// Benchmark: our ISO writer against genisoimage and xorriso for three small files, and against cp for 50 MB.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeIso } from '../contextualization/mod.ts';
import type { Session } from './lib/benchmark.ts';

const run = promisify(execFile);
const LARGE_BYTES = 50_000_000;
/** A small image of ours takes so little that one is not enough to measure. */
const IMAGES = 10;
const MKISOFS = ['-quiet', '-R', '-J', '-V', 'cidata', '-o'];

export const name = 'iso';

export const rounds = 15;

export const units = { small: IMAGES, small_synced: IMAGES };

/**
 * Makes the input in a temporary folder. The peers find their small files in a folder, whose making is not counted
 * although only they need it. Cases named `_synced` end with the image on the disk, the others in the page cache.
 * All make new files: what replaces one that is still being written to the disk waits for that, whoever writes it.
 */
export async function prepare(): Promise<Session> {
  const folder = await mkdtemp(join(tmpdir(), 'innkeeper-bench-iso-'));
  const at = (file: string) => join(folder, file);
  const names = ['meta-data', 'user-data', 'network-config'];
  const files = names.map((path) => ({ path, content: randomBytes(600) }));
  await mkdir(at('small'));
  for (const { path, content } of files) await writeFile(at(join('small', path)), content);
  await writeFile(at('large'), randomBytes(LARGE_BYTES));
  const small = { label: 'cidata', files };
  const large = {
    label: 'cidata',
    files: [{ path: 'large', content: { file: at('large'), size: LARGE_BYTES } }],
  };
  const ours = async (sync: boolean) => {
    for (let image = 0; image < IMAGES; image += 1) await writeIso(at(`out/${image}.iso`), small, { sync });
  };
  const peer = (command: string, ...args: string[]) => run(command, args, { cwd: folder });
  return {
    cases: {
      small: () => ours(false),
      genisoimage: () => peer('genisoimage', ...MKISOFS, 'out/a.iso', 'small'),
      xorriso: () => peer('xorriso', '-as', 'mkisofs', ...MKISOFS, 'out/a.iso', 'small'),
      small_synced: () => ours(true),
      genisoimage_synced: () =>
        peer('sh', '-ec', `genisoimage ${MKISOFS.join(' ')} out/a.iso small; sync out/a.iso out`),
      large: () => writeIso(at('out/a.iso'), large, { sync: false }),
      cp: () => peer('cp', 'large', 'out/a'),
      large_synced: () => writeIso(at('out/a.iso'), large),
      cp_synced: () => peer('sh', '-ec', 'cp large out/a; sync out/a out'),
    },
    clear: async () => {
      await rm(at('out'), { recursive: true, force: true });
      await mkdir(at('out'));
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Ours divided by theirs, like with like; below 1 we are faster. */
export function ratios(medians: Record<string, number>): Record<string, number> {
  const ratio = (ours: string, theirs: string) =>
    (medians[ours] ?? Number.NaN) / (medians[theirs] ?? Number.NaN);
  return {
    small_vs_genisoimage: ratio('small', 'genisoimage'),
    small_vs_xorriso: ratio('small', 'xorriso'),
    small_synced_vs_genisoimage: ratio('small_synced', 'genisoimage_synced'),
    large_vs_cp: ratio('large', 'cp'),
    large_synced_vs_cp: ratio('large_synced', 'cp_synced'),
  };
}
