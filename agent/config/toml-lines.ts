// Finds the line of a TOML file that a key stands on: the parser tells positions of its own complaints only.

/** `a.b`, `"a".b` … as its parts. */
const parts = (key: string) => key.split('.').map((part) => part.trim().replace(/^(["'])(.*)\1$/, '$2'));

/** Every table and key of the file by its path, such as `pool.0.path`; the first line that says it counts. */
export function tomlLines(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  const counts = new Map<string, number>();
  let table: string[] = [];
  const remember = (path: string[], line: number) => {
    const key = path.join('.');
    if (!lines.has(key)) lines.set(key, line);
  };
  text.split('\n').forEach((content, index) => {
    const line = index + 1;
    const list = /^\s*\[\[\s*([^\]]+?)\s*\]\]/.exec(content)?.[1];
    const header = list ?? /^\s*\[\s*([^\]=]+?)\s*\]\s*(#.*)?$/.exec(content)?.[1];
    if (header !== undefined) {
      table = withIndices(parts(header), counts);
      if (list !== undefined) {
        const name = table.join('.');
        const count = counts.get(name) ?? 0;
        counts.set(name, count + 1);
        table = [...table, String(count)];
      }
      remember(table, line);
      return;
    }
    const key = /^\s*([\w.\-"' ]+?)\s*=/.exec(content)?.[1];
    if (key !== undefined) remember([...table, ...parts(key)], line);
  });
  return lines;
}

/** A table inside a list of tables belongs to the entry begun last. */
function withIndices(path: string[], counts: ReadonlyMap<string, number>): string[] {
  const found: string[] = [];
  path.forEach((part, index) => {
    found.push(part);
    const count = counts.get(found.join('.'));
    if (count !== undefined && index < path.length - 1) found.push(String(count - 1));
  });
  return found;
}

/** The line of a path, or of the nearest table around it that is written down. */
export function lineOf(lines: ReadonlyMap<string, number>, path: readonly string[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const line = lines.get(path.slice(0, length).join('.'));
    if (line !== undefined) return line;
  }
  return undefined;
}
