// The programs of this test with the agent, bundled as the package is: to read hundreds of files, and to strip their
// types, costs an emulated host minutes.
// Usage: bundle.ts FOLDER
import { writeProgram } from '../../scripts/package/program.ts';

const [folder = ''] = process.argv.slice(2);
const root = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
await writeProgram(root, folder, '0.0.0-test', [
  'test/helpers/agent-entry.ts',
  'test/xen/agent.ts',
  'test/xen/promises.ts',
]);
