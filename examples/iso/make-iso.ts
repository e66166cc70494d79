// Makes an ISO image of a folder: node examples/iso/make-iso.ts LABEL FOLDER IMAGE
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { IsoError, type MediumFile, writeIso } from 'innkeeper/iso';

const [label, folder, image] = process.argv.slice(2);
if (label === undefined || folder === undefined || image === undefined) {
  process.stderr.write('usage: make-iso.ts LABEL FOLDER IMAGE\n');
  process.exit(2);
}

const files: MediumFile[] = [];
for (const path of (await readdir(folder, { recursive: true })).sort()) {
  const file = join(folder, path);
  const { size, mode } = await lstat(file).then((about) => (about.isFile() ? about : { size: -1, mode: 0 }));
  if (size >= 0) files.push({ path, content: { file, size }, mode: mode & 0o777 });
}
try {
  const { bytes } = await writeIso(image, { label, files });
  process.stdout.write(`${image}: ${files.length} files, ${bytes} bytes\n`);
} catch (error) {
  if (!(error instanceof IsoError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
