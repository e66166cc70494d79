// Gives every node of a directory an identifier the primary (ISO) or the Joliet tree can hold.
import type { TreeNode } from './tree.ts';

/** A file identifier in its parts; ECMA-119 sorts by them. */
export interface Identifier {
  stem: string;
  extension: string;
  /** As written into the directory record, with the `.` and the version `;1` of a file. */
  bytes: Buffer;
}

/** What one of the two trees allows in names. */
export interface Naming {
  /** Most characters of a file's name and extension together, the dot and the version not counted. */
  maxFile: number;
  maxDirectory: number;
  /** Replaces what is not allowed; the result has one code unit per character of the tree's alphabet. */
  clean(name: string): string;
  encode(name: string): Buffer;
  /** Whether a directory's name may contain a dot, and a file's more than one. */
  dots: boolean;
}

/** ECMA-119 interchange level 2: 30 d-characters and a dot for files, 31 for directories. */
export const ISO_LEVEL_2: Naming = {
  maxFile: 30,
  maxDirectory: 31,
  clean: (name) => name.toUpperCase().replace(/[^A-Z0-9_.]/gu, '_'),
  encode: (name) => Buffer.from(name, 'latin1'),
  dots: false,
};

/** Joliet: 64 UCS-2 characters (the dot included), without control characters and the seven that Windows reserves. */
export const JOLIET: Naming = {
  maxFile: 63,
  maxDirectory: 64,
  clean: (name) => name.replace(/[\u0000-\u001f\u007f*/:;?\\]|[\u{10000}-\u{10ffff}]/gu, '_'),
  encode: (name) => Buffer.from(name, 'utf16le').swap16(),
  dots: true,
};

/**
 * Unique identifiers for the children of one directory. Which of two colliding names keeps its form depends
 * only on their order in the tree, so the outcome is the same every time. Case is ignored when looking for
 * collisions: Windows could open only one of "a" and "A".
 */
export function identify(children: readonly TreeNode[], naming: Naming): Map<TreeNode, Identifier> {
  const taken = new Set<string>();
  const nextNumber = new Map<string, number>();
  const result = new Map<TreeNode, Identifier>();
  for (const node of children) {
    const wanted = split(node, naming);
    const limit = node.kind === 'file' ? naming.maxFile : naming.maxDirectory;
    const fitting = fit(wanted, limit, '');
    const { extension } = fitting;
    let { stem } = fitting;
    const base = key(stem, extension);
    let number = nextNumber.get(base) ?? 1;
    while (taken.has(key(stem, extension))) {
      stem = fit(wanted, limit, `_${number}`).stem;
      number += 1;
    }
    nextNumber.set(base, number);
    taken.add(key(stem, extension));
    result.set(node, { stem, extension, bytes: naming.encode(text(node, stem, extension, naming)) });
  }
  return result;
}

/** 9.3: by name, then by extension, each as if filled up with spaces. */
export function compareIdentifiers(a: Identifier, b: Identifier): number {
  if (a.stem !== b.stem) return a.stem < b.stem ? -1 : 1;
  if (a.extension !== b.extension) return a.extension < b.extension ? -1 : 1;
  return 0;
}

function key(stem: string, extension: string): string {
  return `${stem}.${extension}`.toLowerCase();
}

function text(node: TreeNode, stem: string, extension: string, naming: Naming): string {
  if (node.kind === 'directory') return stem;
  // Strictly the dot is always there; with Joliet every other writer leaves it out, and readers expect that.
  if (extension === '' && naming.dots) return `${stem};1`;
  return `${stem}.${extension};1`;
}

function split(node: TreeNode, naming: Naming): { stem: string; extension: string } {
  const clean = naming.clean(node.name);
  const dot = clean.lastIndexOf('.');
  const flat = (part: string) => (naming.dots ? part : part.replaceAll('.', '_'));
  if (node.kind === 'directory' || dot <= 0) return { stem: flat(clean), extension: '' };
  return { stem: flat(clean.slice(0, dot)), extension: clean.slice(dot + 1) };
}

/** Cuts to `limit` characters; the extension survives up to half of them, the number at the stem's end always. */
function fit(
  wanted: { stem: string; extension: string },
  limit: number,
  number: string,
): { stem: string; extension: string } {
  const extension = wanted.extension.slice(0, Math.floor(limit / 2));
  return { stem: wanted.stem.slice(0, limit - extension.length - number.length) + number, extension };
}
