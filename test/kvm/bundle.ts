// The agent and the topics of this test, bundled as the package is: to read hundreds of files costs an emulated host
// minutes.
// Usage: bundle.ts FOLDER
import { writeProgram } from '../../scripts/package/program.ts';

const [folder = ''] = process.argv.slice(2);
const root = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
const topics = ['placement', 'networks', 'pools', 'reboot'];
await writeProgram(
  root,
  folder,
  '0.0.0-test',
  topics.map((topic) => `test/kvm/host/${topic}.ts`),
);
