// Run as a process of its own: writes an image with a large file and prints by how many bytes peak memory grew.
import { writeFileSync } from 'node:fs';
import { writeIso } from '../../contextualization/mod.ts';

const [destination, source, size] = process.argv.slice(2) as [string, string, string];
// A first image of two pieces, so that what Node allocates once does not count.
const warm = `${destination}.warm`;
const warmBytes = 3 << 20;
writeFileSync(`${warm}.source`, Buffer.alloc(warmBytes));
await writeIso(warm, {
  label: 'A',
  files: [{ path: 'a', content: { file: `${warm}.source`, size: warmBytes } }],
});
const before = process.resourceUsage().maxRSS;
await writeIso(destination, {
  label: 'A',
  files: [{ path: 'a', content: { file: source, size: Number(size) } }],
});
console.log((process.resourceUsage().maxRSS - before) * 1024);
