// What a test agent has on the host, found by its prefix, and how it is swept away.
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

async function lines(command: string, args: string[]): Promise<string[]> {
  const { stdout } = await run(command, args);
  return stdout.split('\n').filter((line) => line !== '');
}

async function domains(prefix: string, uri: string): Promise<string[]> {
  return (await lines('virsh', ['-c', uri, 'list', '--all', '--name'])).filter((name) =>
    name.startsWith(`${prefix}-`),
  );
}

/** QEMU's processes, whether or not a libvirtd still knows of them. */
async function processes(prefix: string): Promise<string[]> {
  const found = await lines('pgrep', ['-a', '-f', `qemu-system.*guest=${prefix}-`]).catch(() => []);
  return found.flatMap((line) => {
    const name = /guest=([^,]+)/.exec(line)?.[1];
    return name ? [`process of ${name}`] : [];
  });
}

async function links(prefix: string): Promise<string[]> {
  const shown = JSON.parse((await run('ip', ['-j', 'link'])).stdout) as { ifname: string }[];
  const ours = new RegExp(`^${prefix}(?:[btuvoi][0-9a-f]{8}|inet)$`);
  return shown.map(({ ifname }) => ifname).filter((name) => ours.test(name));
}

async function namespaces(prefix: string): Promise<string[]> {
  return (await readdir('/run/netns').catch(() => [])).filter((name) => name.startsWith(`${prefix}-`));
}

async function tables(prefix: string): Promise<string[]> {
  return (await lines('nft', ['list', 'tables'])).filter((line) => line.endsWith(` ${prefix}`));
}

async function files(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Rules of VNICs (not the table itself, which stays while there are VNets). */
async function ruledTaps(prefix: string): Promise<string[]> {
  const shown = await run('nft', ['list', 'table', 'bridge', prefix]).then(
    ({ stdout }) => stdout,
    () => '',
  );
  return [...new Set(shown.match(new RegExp(`${prefix}t[0-9a-f]{8}`, 'g')))].map(
    (name) => `rules of ${name}`,
  );
}

/** Everything on the host that carries the prefix, and every disk, image and medium below the state folder. */
export async function leftovers(prefix: string, stateDir: string, uri = 'qemu:///system'): Promise<string[]> {
  const found = await Promise.all([
    domains(prefix, uri),
    processes(prefix),
    links(prefix),
    namespaces(prefix),
    tables(prefix),
    ruledTaps(prefix),
    files(join(stateDir, 'pools')),
    files(join(stateDir, 'images')),
    files(join(stateDir, 'media')),
    files(join(stateDir, 'qmp')),
    files(join(stateDir, 'tty')),
    files(join(stateDir, 'saved')),
  ]);
  return found.flat().sort();
}

/** Removes by force whatever carries the prefix. */
export async function sweep(prefix: string, uri = 'qemu:///system'): Promise<void> {
  // The fake hypervisor of a test ends with its libvirtd.
  const machines = uri.startsWith('test') ? [] : await domains(prefix, uri).catch(() => []);
  for (const name of machines) {
    await run('virsh', ['-c', uri, 'destroy', name]).catch(() => {});
    await run('virsh', ['-c', uri, 'undefine', name]).catch(() => {});
  }
  for (const name of await links(prefix)) await run('ip', ['link', 'del', name]).catch(() => {});
  for (const name of await namespaces(prefix)) await run('ip', ['netns', 'del', name]).catch(() => {});
  for (const line of await tables(prefix)) {
    await run('nft', ['delete', ...line.split(' ')]).catch(() => {});
  }
}
