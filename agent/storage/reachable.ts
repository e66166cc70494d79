// Makes sure that a file's server answers before the agent's own file threads touch it.
import { printable } from './errors.ts';
import { isRemote, mountOf, readMounts } from './mounts.ts';
import { remoteFiles } from './remote-files.ts';

/**
 * Returns at once for local file systems. For others a helper process looks at the file first, because
 * a dead server would hold one of Node's few file threads for ever.
 * @throws InnkeeperError `internal` if nothing answers in time
 */
export async function checkReachable(path: string): Promise<void> {
  if (!isRemote(mountOf(await readMounts(), path))) return;
  const files = remoteFiles({ pool: `of ${printable(path, 120)}` });
  try {
    await files.facts(path);
  } finally {
    await files.close();
  }
}
