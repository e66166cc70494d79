// Runs one command in the shell of the test guest, on its serial console, and prints what it said.
// Usage: node guest-console.mjs VSERVER COMMAND
import { request } from 'node:http';

const [vserver, command] = process.argv.slice(2);
const PATIENCE_MS = 60_000;
/** What is typed while the guest boots may be lost, whole or in part: it is typed again. */
const AGAIN_MS = 10_000;
let text = '';
const fail = (why) => {
  process.stderr.write(`${why}:\n${text.slice(-2000)}\n`);
  process.exit(1);
};
setTimeout(() => fail('the guest did not answer'), PATIENCE_MS);
const asked = request({
  socketPath: '/run/innkeeper/innkeeper.sock',
  path: `/v1/vservers/${vserver}/console`,
  headers: { connection: 'Upgrade', upgrade: 'innkeeper-console' },
});
asked.on('error', (error) => fail(error.message));
asked.on('response', ({ statusCode }) => fail(`no console: ${statusCode}`));
asked.on('upgrade', (_response, socket) => {
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
    const found = /begin\.(\d+)\r?\n([\s\S]*?)end\.\1\r?\n/.exec(text);
    if (!found) return;
    process.stdout.write(found[2].replaceAll('\r', ''), () => process.exit());
  });
  let times = 0;
  const type = () => {
    times++;
    // The backslashes keep the echo of the line from looking like the answer. No quotes: half a line must leave none open.
    socket.write(`\necho be\\gin.${times}; ${command}; echo en\\d.${times}\n`);
  };
  type();
  setInterval(type, AGAIN_MS);
});
asked.end();
