// Random but repeatable trees for the ISO writer: long, strange and colliding names, empty and odd-sized files.
import type { MediumFile } from '../../contextualization/mod.ts';
import { seeded } from './context-facts.ts';

/** Bytes in the longest name Linux shows whole. */
const LONGEST = 253;

const ALPHABETS = ['abcXYZ019_-.', 'aA.', 'éüß世界🎉a.', ' ~!@#$%^&()+=,;:*?"<>|\\\'`\t\n', 'x'];

/** Up to 40 files, at most eight levels deep, with names up to the longest that Linux shows. */
export function randomTree(seed: number): MediumFile[] {
  const random = seeded(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const name = (): string => {
    const characters = [...pick(ALPHABETS)];
    const length = random() < 0.1 ? LONGEST : 1 + Math.floor(random() * 40);
    let text = '';
    while ([...text].length < length) text += pick(characters);
    while (Buffer.byteLength(text) > LONGEST) text = [...text].slice(0, -1).join('');
    return text === '.' || text === '..' ? `${text}x` : text;
  };
  const directories = [''];
  const files = new Map<string, MediumFile>();
  const taken = new Set<string>();
  const count = 1 + Math.floor(random() * 40);
  while (files.size < count) {
    const folder = pick(directories);
    const path = folder === '' ? name() : `${folder}/${name()}`;
    if (taken.has(path)) continue;
    taken.add(path);
    if (random() < 0.25 && path.split('/').length < 8) {
      directories.push(path);
      continue;
    }
    const size = pick([0, 1, 2047, 2048, 2049, Math.floor(random() * 9000)]);
    const content = Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256)));
    files.set(path, { path, content });
  }
  return [...files.values()];
}
