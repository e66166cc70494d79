// Preloaded in emulated hosts: TypeScript files have been stripped before. Node's own stripper is WebAssembly, and to compile that
// in every process and worker costs an emulated host minutes.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

registerHooks({
  load(url, context, next) {
    if (!url.endsWith('.ts') || url.includes('/node_modules/')) return next(url, context);
    return { format: 'module', source: readFileSync(new URL(url), 'utf8'), shortCircuit: true };
  },
});
