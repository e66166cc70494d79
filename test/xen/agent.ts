// Runs in dom0: the agent itself on a real Xen host, a VServer's whole life, and what befalls a host. Prints TAP.
// Usage: agent.ts IMAGE      what build-guest.sh printed
import { FIRST_LIFE } from './first-life.ts';
import { SECOND_LIFE } from './second-life.ts';
import { Subject } from './vserver.ts';

const [image = ''] = process.argv.slice(2);
const subject = new Subject(image);
const steps = [...FIRST_LIFE, ...SECOND_LIFE];
let done = 0;
let failed = false;
console.log('TAP version 14');
for (const [name, keep] of steps) {
  const began = Date.now();
  const error = await keep(subject).then(
    () => undefined,
    (reason: Error) => reason,
  );
  failed = error !== undefined;
  console.log(`${failed ? 'not ok' : 'ok'} ${++done} - ${name} # time=${Date.now() - began}ms`);
  if (error === undefined) continue;
  console.log(`  ---\n  error: ${JSON.stringify(String(error.stack ?? error))}\n  ...`);
  // What follows builds on what failed.
  break;
}
console.log(`1..${steps.length}`);
if (failed) console.log(subject.agent.log.slice(-6000).replace(/^/gm, '# '));
await subject.agent.remove();
process.exitCode = failed ? 1 : 0;
