// Strips the types of every TypeScript file below a folder, as Node does when it loads them.
// Usage: strip-types.ts FOLDER      (in place; what is there must be a copy)
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';

const [folder = ''] = process.argv.slice(2);
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (!entry.isFile() || !path.endsWith('.ts') || path.includes('/node_modules/')) continue;
  writeFileSync(path, stripTypeScriptTypes(readFileSync(path, 'utf8')));
}
