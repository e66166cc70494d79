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
    files.set(path, { path, content: randomBytes(size, random) });
  }
  return [...files.values()];
}

/** One random number starts a cheaper generator: a thousand trees must not take long. */
function randomBytes(size: number, random: () => number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = Math.floor(random() * 2 ** 32);
  for (let at = 0; at < size; at += 1) {
    // Marsaglia's xorshift with 32 bits of state.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 0xff;
  }
  return bytes;
}

/** Every path of a medium, directories too, in the order of their bytes; `.` is the root. */
export function pathsOf(files: readonly MediumFile[]): string[] {
  const paths = new Set<string>();
  for (const { path } of files) {
    const parts = path.split('/');
    for (let n = 1; n <= parts.length; n += 1) paths.add(parts.slice(0, n).join('/'));
  }
  return [...paths].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
