// Runs one command in the shell of the test guest, on its serial console, and prints what it said.
// Usage: node guest-console.mjs VSERVER COMMAND
import { ApiClient, DEFAULT_SOCKET } from '/usr/lib/innkeeper/agent/cli/client.js';

const [vserver, command] = process.argv.slice(2);
const PATIENCE_MS = 60_000;
const console_ = await new ApiClient(DEFAULT_SOCKET).console(vserver);
let text = '';
const timer = setTimeout(() => {
  process.stderr.write(`the guest did not answer:\n${text.slice(-2000)}\n`);
  process.exit(1);
}, PATIENCE_MS);
console_.setEncoding('utf8').on('data', (chunk) => {
  text += chunk;
  const found = /begin\.1\r?\n([\s\S]*?)end\.1\r?\n/.exec(text);
  if (!found) return;
  clearTimeout(timer);
  process.stdout.write(found[1].replaceAll('\r', ''));
  console_.destroy();
});
// The quotes keep the echo of the line from looking like the answer.
console_.write(`\necho be""gin.1; ${command}; echo en""d.1\n`);
