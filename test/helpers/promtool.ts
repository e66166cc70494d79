// Prometheus' own checker: the installed one, or the one out of Debian's package, whose daemon nobody needs here.
import { execFile, spawn } from 'node:child_process';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = new URL('../../.cache/promtool', import.meta.url).pathname;

async function promtool(): Promise<string> {
  const unpacked = join(CACHE, 'promtool');
  for (const path of ['/usr/bin/promtool', unpacked]) {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  const folder = `${CACHE}.${process.pid}`;
  await mkdir(folder, { recursive: true });
  try {
    const fetch = () => run('apt-get', ['-q', 'download', 'prometheus'], { cwd: folder });
    await fetch().catch(async () => {
      await run('apt-get', ['-q', 'update']);
      await fetch();
    });
    await run('sh', ['-c', 'dpkg-deb --fsys-tarfile *.deb | tar -x ./usr/bin/promtool'], { cwd: folder });
    await mkdir(CACHE, { recursive: true });
    await rename(join(folder, 'usr/bin/promtool'), unpacked);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return unpacked;
}

/** What `promtool check metrics` has to say; empty is good. */
export async function metricsFindings(metrics: string): Promise<string> {
  const child = spawn(await promtool(), ['check', 'metrics']);
  child.stdin.end(metrics);
  const [said, complained] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return said + complained;
}
