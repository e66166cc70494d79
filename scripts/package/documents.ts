// What is shipped to be read: copyright, changelog, SBOM, man pages, completions. All from what there is already.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bashCompletion as completion } from '../../agent/cli/completion.ts';
import { heading, commandManual as manual, roff } from '../../agent/cli/manual.ts';
import { buildProgram } from '../../agent/cli/program.ts';
import { type BundledPackage, licenseText, lockFile } from './bundled.ts';
import { sections } from './config-reference.ts';

export interface Release {
  version: string;
  /** Of the commit, so that the same commit gives the same bytes. */
  date: Date;
  /** Where the Node that is shipped was unpacked, and which npm package it is. */
  runtime: { folder: string; name: string; version: string };
}

const APACHE = 'On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.';

const indented = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`))
    .join('\n');

/** Debian's machine-readable format 1.0. */
export async function copyrightFile(
  root: string,
  bundled: BundledPackage[],
  release: Release,
): Promise<string> {
  const stanza = (files: string, license: string, text: string) =>
    `Files: ${files}\nCopyright: as named in the text of the licence\nLicense: ${license}\n${indented(text)}\n`;
  const parts = [
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: innkeeper\n',
    `Files: *\nCopyright: The authors of Innkeeper\nLicense: Apache-2.0\n ${APACHE}\n`,
    stanza(
      'usr/lib/innkeeper/bin/node',
      'Node.js-and-what-it-contains',
      await readFile(join(release.runtime.folder, 'LICENSE'), 'utf8'),
    ),
  ];
  for (const { name, version, license, path } of bundled) {
    const shipped = license === 'Apache-2.0' ? APACHE : await licenseText(root, path);
    const text = shipped ?? `${name} ${version} names the licence ${license} and ships no text.`;
    parts.push(
      stanza(
        `usr/lib/innkeeper/program/*`,
        license,
        `${name} ${version}, bundled with the program:\n\n${text}`,
      ),
    );
  }
  return parts.join('\n');
}

export function changelogFile({ version, date }: Release): string {
  const stamp = date.toUTCString().replace('GMT', '+0000');
  return [
    `innkeeper (${version}) stable; urgency=medium`,
    '',
    '  * What changed is in CHANGELOG.md, beside this file.',
    '',
    ` -- Innkeeper <innkeeper@localhost>  ${stamp}`,
    '',
  ].join('\n');
}

/** CycloneDX 1.5: what is in the package, with the hashes of the lock file. */
export async function sbomFile(root: string, bundled: BundledPackage[], release: Release): Promise<string> {
  const locked = await lockFile(root);
  const component = (name: string, version: string, path: string, license: string) => {
    const [algorithm, hash = ''] = locked[path]?.integrity?.split('-') ?? [];
    const hashes =
      algorithm === 'sha512'
        ? [{ alg: 'SHA-512', content: Buffer.from(hash, 'base64').toString('hex') }]
        : [];
    const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
    return {
      type: 'library',
      name,
      version,
      'bom-ref': `${purl}#${path}`,
      purl,
      hashes,
      licenses: [{ license: { id: license } }],
    };
  };
  const { name, version } = release.runtime;
  const bom = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      timestamp: release.date.toISOString(),
      component: {
        type: 'application',
        name: 'innkeeper',
        version: release.version,
        licenses: [{ license: { id: 'Apache-2.0' } }],
      },
    },
    components: [
      component(name, version, `node_modules/${name}`, 'MIT'),
      ...bundled.map((one) => component(one.name, one.version, one.path, one.license)),
    ],
  };
  return `${JSON.stringify(bom, null, 2)}\n`;
}

/** innkeeper(8). */
export const commandManual = (release: Release) => manual(buildProgram(), release);

/** innkeeper.toml(5), from the schema of the configuration. */
export function configManual(release: Release): string {
  return `${[
    heading('INNKEEPER.TOML', 5, release),
    '.SH NAME',
    'innkeeper.toml \\- configuration of the host agent innkeeper(8)',
    '.SH DESCRIPTION',
    roff('A TOML file. Unknown keys are refused; innkeeper config check tells mistakes by line.'),
    ...sections().flatMap(({ header, help, keys }) => [
      `.SS "${header === '' ? 'The host' : header}"`,
      roff(help),
      ...keys.flatMap(({ name, schema }) => {
        const fallback = schema.default === undefined ? '' : ` Default: ${JSON.stringify(schema.default)}.`;
        return ['.TP', `.B ${roff(name)}`, roff(`${schema.help}.${fallback}`)];
      }),
    ]),
    '.SH SEE ALSO',
    'innkeeper(8)',
  ]
    .filter((line) => line !== '')
    .join('\n')}\n`;
}

/** For bash. */
export const bashCompletion = () => completion(buildProgram());
