// Looks for a secret in everything an agent has written, in the forms a secret may have there.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Names of files below `folder` that hold the text, also as base64 or hexadecimal digits, also compressed (.gz). */
export async function filesWith(folder: string, text: string): Promise<string[]> {
  const bytes = Buffer.from(text);
  // Base64 of a text inside of another depends on where it begins there.
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .slice(shift === 0 ? 0 : 4, -4),
  );
  const needles = [bytes, ...[...base64, bytes.toString('hex')].map((needle) => Buffer.from(needle))];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path).catch(() => Buffer.alloc(0));
    const plain = entry.name.endsWith('.gz') ? gunzipSync(content) : content;
    if (needles.some((needle) => plain.includes(needle))) found.push(entry.name);
  }
  return found.sort();
}
