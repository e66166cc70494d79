// A tree of text items kept flat, by path; its folders list what is in them, as EC2's do.
import { type Answer, notFound, text } from './message.ts';

/** Path without leading or trailing slash → content. Items without a value are not there. */
export type Items = Map<string, string>;

/** Drops what has no value. */
export function items(entries: Iterable<readonly [string, string | undefined]>): Items {
  const all: Items = new Map();
  for (const [path, value] of entries) if (value !== undefined) all.set(path, value);
  return all;
}

/** Names directly below `folder` ('' for the root), folders with a slash; undefined if there is no such folder. */
export function list(all: Items, folder: string): string[] | undefined {
  const prefix = folder === '' ? '' : `${folder}/`;
  const names = new Set<string>();
  for (const path of all.keys()) {
    if (!path.startsWith(prefix)) continue;
    const rest = path.slice(prefix.length);
    const slash = rest.indexOf('/');
    names.add(slash < 0 ? rest : rest.slice(0, slash + 1));
  }
  return names.size > 0 ? [...names] : undefined;
}

/** The item, or the listing of the folder, or 404. */
export function answerFrom(all: Items, path: string[]): Answer {
  const key = path.join('/');
  const item = all.get(key);
  if (item !== undefined) return text(item);
  const names = list(all, key);
  return names ? text(names.join('\n')) : notFound();
}
