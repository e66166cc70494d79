// Run as a process of its own: the least that node:http can do, for comparison. Usage: node bare-node.ts PORT BODY-BYTES
import { createServer } from 'node:http';

const [port, bytes] = process.argv.slice(2).map(Number);
const body = Buffer.alloc(bytes ?? 0, 'x');
const server = createServer((_request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': body.length });
  response.end(body);
});
server.listen(port, '169.254.169.254', () => process.stdout.write('ready\n'));
