// `npm run bench -- NAME [--json] [--rounds N]`: runs one benchmark; its last line is one JSON object.
import { readdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Benchmark } from './lib/benchmark.ts';
import { measure } from './lib/measure.ts';
import { machine, table } from './lib/report.ts';

/** Every file beside this one is a benchmark. */
async function names(): Promise<string[]> {
  const files = await readdir(import.meta.dirname);
  return files.filter((file) => file.endsWith('.ts') && file !== 'main.ts').map((file) => file.slice(0, -3));
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, rounds: { type: 'string' } },
  });
  const [name] = positionals;
  const known = await names();
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  const wrongRounds = rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0);
  if (name === undefined || positionals.length > 1 || !known.includes(name) || wrongRounds) {
    process.stderr.write(`usage: npm run bench -- NAME [--json] [--rounds N]\nNAME: ${known.join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  const benchmark = (await import(`./${name}.ts`)) as Benchmark;
  const result = await measure(benchmark, rounds);
  if (!values.json) process.stdout.write(`${table(name, result)}\n`);
  const { medians, ratios } = result;
  process.stdout.write(`${JSON.stringify({ name, machine: machine(), medians, ratios })}\n`);
}

await main();
