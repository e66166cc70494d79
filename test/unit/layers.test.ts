// Data flows one way: the imports of every file are read, and those against the stream are refused.
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import t from 'tap';

const root = resolve(import.meta.dirname, '../..');

/** [files below, may import nothing below]. */
const RULES: [string, string[]][] = [
  ['drivers', ['agent', 'metadata-server', 'contextualization']],
  ['metadata-server', ['agent', 'drivers']],
  ['contextualization', ['agent', 'drivers', 'metadata-server']],
  ['drivers/libvirt', ['drivers/kvm', 'drivers/xen', 'drivers/qmp', 'drivers/hypervisor.ts']],
  ['drivers/qmp', ['drivers/kvm', 'drivers/xen', 'drivers/hypervisor.ts']],
  [
    'agent/resources',
    ['agent/operations', 'agent/inventory', 'agent/network', 'agent/storage', 'drivers', 'metadata-server'],
  ],
  [
    'agent/inventory',
    ['agent/operations', 'agent/network', 'agent/storage', 'agent/api', 'agent/cli', 'drivers'],
  ],
  ['agent/network', ['agent/operations', 'agent/inventory', 'agent/storage', 'agent/api', 'drivers']],
  ['agent/storage', ['agent/operations', 'agent/inventory', 'agent/network', 'agent/api', 'drivers']],
  [
    'agent/operations',
    ['agent/api', 'agent/cli', 'agent/control-plane', 'drivers/libvirt', 'drivers/kvm', 'drivers/xen'],
  ],
  [
    'agent/api',
    ['agent/operations/vserver', 'agent/inventory/inventory.ts', 'drivers', 'agent/storage', 'agent/network'],
  ],
  [
    'agent/control-plane',
    ['agent/operations/vserver', 'agent/inventory/inventory.ts', 'drivers', 'agent/storage'],
  ],
  ['agent/cli', ['agent/inventory', 'drivers', 'agent/storage', 'agent/network', 'metadata-server']],
];

async function sources(): Promise<{ file: string; imports: string[] }[]> {
  const files: { file: string; imports: string[] }[] = [];
  for (const top of ['agent', 'drivers', 'metadata-server', 'contextualization']) {
    for (const entry of await readdir(join(root, top), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
      const path = join(entry.parentPath, entry.name);
      const text = await readFile(path, 'utf8');
      const named = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, name]) => name!);
      const imports = named.map((name) => relative(root, resolve(dirname(path), name)));
      files.push({ file: relative(root, path), imports });
    }
  }
  return files;
}

const within = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);

t.test('no folder imports from one above it', async (t) => {
  const files = await sources();
  t.ok(files.length > 50, 'the sources were found');
  for (const [folder, forbidden] of RULES) {
    const wrong = files
      .filter(({ file }) => within(file, folder))
      .flatMap(({ file, imports }) =>
        imports
          .filter((name) => forbidden.some((other) => within(name, other)))
          .map((name) => `${file} → ${name}`),
      );
    t.same(wrong, [], folder);
  }
});

t.test('nothing outside drivers/ names a hypervisor in an import', async (t) => {
  const wrong = (await sources())
    .filter(({ file }) => !within(file, 'drivers'))
    .flatMap(({ file, imports }) =>
      imports
        .filter((name) => /drivers\/(kvm|xen|qmp|libvirt)/.test(name))
        .map((name) => `${file} → ${name}`),
    );
  t.same(wrong, []);
});

t.test('the product calls no virsh', async (t) => {
  for (const { file } of await sources()) {
    const text = await readFile(join(root, file), 'utf8');
    t.notMatch(text.replaceAll(/\/\/.*|\/\*[\s\S]*?\*\//g, ''), /['"`]virsh/, file);
  }
});

t.test('nothing in agent/ asks which hypervisor it is on', async (t) => {
  const ASKING =
    /['"`](kvm|xen)\b|[!=]==\s*['"](kvm|xen|qemu|test)\b|(startsWith|test|match|includes)\([^)]*(kvm|xen|qemu)|libvirt_uri\./i;
  // Its own setting names what may be forced; the drivers say what they can do and what their host is like.
  const allowed = ['agent/config/config.ts'];
  const files = (await sources()).filter(({ file }) => within(file, 'agent') && !allowed.includes(file));
  for (const { file } of files) {
    const code = (await readFile(join(root, file), 'utf8')).replaceAll(/\/\/.*|\/\*[\s\S]*?\*\//g, '');
    t.notMatch(code, ASKING, file);
  }
});
