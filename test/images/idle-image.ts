// A disk whose machine starts and then costs nothing: for tests that need machines, but nobody in them.
import { writeFile } from 'node:fs/promises';

/** cli; hlt; and back to the hlt, should anything wake it. */
const HALT = [0xfa, 0xf4, 0xeb, 0xfd];
const SECTOR = 512;

/** Writes a raw image of 1 MiB with nothing but a boot sector that halts the processor. */
export async function writeIdleImage(path: string): Promise<void> {
  const disk = Buffer.alloc(1 << 20);
  disk.set(HALT);
  disk.set([0x55, 0xaa], SECTOR - 2);
  await writeFile(path, disk);
}
