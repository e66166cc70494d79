// Turns a flat list of medium files into a checked, sorted tree.
import { ContextError, shown } from '../errors.ts';
import { contentSize, type MediumFile } from '../medium.ts';

export interface FileNode {
  kind: 'file';
  name: string;
  /** Path from the root, for messages. */
  path: string;
  mode: number;
  size: number;
  content: MediumFile['content'];
}

export interface DirectoryNode {
  kind: 'directory';
  name: string;
  path: string;
  /** Sorted by name, so that the order of the input never shows in the bytes. */
  children: TreeNode[];
}

export type TreeNode = FileNode | DirectoryNode;

/** Longest Rock Ridge name in bytes of UTF-8 that Linux shows whole; it cuts 254 and 255 short (fs/isofs/rock.c). */
const MAX_NAME_BYTES = 253;
/** ECMA-119 6.8.2.1: at most eight levels of directories, the root being the first. */
const MAX_DEPTH = 8;
/** A directory record holds the size in 32 bits; longer files would need several extents. */
const MAX_FILE_BYTES = 0xffff_ffff;
/** More would be a mistake or an attack; the path table itself ends at 65,535 directories. */
const MAX_FILES = 65_000;
const DEFAULT_MODE = 0o400;

/**
 * @throws ContextError `invalid` for names or paths no file system could hold, duplicates, bad sizes and modes;
 *   `unsupported` for trees deeper, names longer or files larger than the format allows.
 */
export function buildTree(files: readonly MediumFile[]): DirectoryNode {
  if (files.length > MAX_FILES) {
    throw new ContextError('unsupported', `A medium holds at most ${MAX_FILES} files, not ${files.length}.`);
  }
  const root: DirectoryNode = { kind: 'directory', name: '', path: '', children: [] };
  const byPath = new Map<string, TreeNode>([['', root]]);
  for (const file of files) {
    const parts = splitPath(file.path);
    const name = parts.pop() as string;
    const directory = ensureDirectory(root, parts, byPath);
    add(directory, byPath, fileNode(file, name));
  }
  sortChildren(root);
  return root;
}

function splitPath(path: string): string[] {
  const parts = path.split('/');
  for (const part of parts) checkName(part, path);
  if (parts.length > MAX_DEPTH) {
    throw new ContextError(
      'unsupported',
      `${shown(path)} lies ${parts.length} levels deep; ISO 9660 allows ${MAX_DEPTH}.`,
    );
  }
  return parts;
}

function checkName(name: string, path: string): void {
  const wrong = (why: string) => new ContextError('invalid', `The path ${shown(path)} ${why}.`);
  if (name === '') throw wrong('is empty, absolute, or has an empty part');
  if (name === '.' || name === '..') throw wrong(`has a part named "${name}"`);
  if (name.includes('\0')) throw wrong('has a NUL character');
  if (!name.isWellFormed()) throw wrong('is not well-formed Unicode');
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new ContextError(
      'unsupported',
      `A name in ${shown(path)} is longer than ${MAX_NAME_BYTES} bytes of UTF-8.`,
    );
  }
}

function fileNode(file: MediumFile, name: string): FileNode {
  const size = contentSize(file.content);
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new ContextError('invalid', `The size of ${shown(file.path)} is not a number of bytes.`);
  }
  if (size > MAX_FILE_BYTES) {
    throw new ContextError(
      'unsupported',
      `${shown(file.path)} is 4 GiB or larger; a context medium takes less.`,
    );
  }
  const mode = file.mode ?? DEFAULT_MODE;
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o7777) {
    throw new ContextError('invalid', `The mode of ${shown(file.path)} is not between 0 and 07777.`);
  }
  return { kind: 'file', name, path: file.path, mode, size, content: file.content };
}

function ensureDirectory(root: DirectoryNode, parts: string[], byPath: Map<string, TreeNode>): DirectoryNode {
  let directory = root;
  for (const name of parts) {
    const path = directory.path === '' ? name : `${directory.path}/${name}`;
    const known = byPath.get(path);
    if (known === undefined) {
      const made: DirectoryNode = { kind: 'directory', name, path, children: [] };
      add(directory, byPath, made);
      directory = made;
    } else if (known.kind === 'directory') {
      directory = known;
    } else {
      throw new ContextError('invalid', `${shown(path)} is named as a file and as a directory.`);
    }
  }
  return directory;
}

function add(directory: DirectoryNode, byPath: Map<string, TreeNode>, node: TreeNode): void {
  if (byPath.has(node.path)) {
    throw new ContextError('invalid', `${shown(node.path)} is on the medium twice.`);
  }
  byPath.set(node.path, node);
  directory.children.push(node);
}

function sortChildren(directory: DirectoryNode): void {
  directory.children.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const child of directory.children) if (child.kind === 'directory') sortChildren(child);
}
