// Runs in dom0: keeps the promises of the driver contract on Xen, prints TAP, and writes the outcomes as JSON.
// Usage: promises.ts IMAGE BIOS_IMAGE OUTCOMES_FILE      images that pygrub and that firmware boots, as the builders printed
import { writeFile } from 'node:fs/promises';
import { UNSUPPORTED } from '../promises/expected.ts';
import { keepAll } from '../promises/keep.ts';

const [image = '', bios = '', file = ''] = process.argv.slice(2);
const options = {
  driver: 'xen',
  uri: 'xen:///system',
  guest: { path: image, format: 'raw' as const, part: { guestType: 'pv' as const } },
  others: { hvm: { path: bios, format: 'qcow2' as const } },
};

let count = 0;
let failed = 0;
console.log('TAP version 14');
const outcomes = await keepAll(options, ({ promise, result, reason }) => {
  const expected = UNSUPPORTED.xen!.includes(promise) ? 'unsupported' : 'pass';
  const kept = result === expected;
  if (!kept) failed++;
  console.log(`${kept ? 'ok' : 'not ok'} ${++count} - ${promise}${result === 'pass' ? '' : ` (${result})`}`);
  if (!kept) console.log(`  ---\n  result: ${result}\n  reason: ${JSON.stringify(reason)}\n  ...`);
});
console.log(`1..${count}`);
await writeFile(file, JSON.stringify(outcomes));
process.exitCode = failed === 0 ? 0 : 1;
