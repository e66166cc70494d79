// Prints the table of promises: a row for each, a column for each driver whose outcomes are given.
// Usage: table.ts DRIVER=FILE...      FILE holds the outcomes of one driver as JSON
// Exit status 3 when a promise was not tried with a driver: its outcomes are those of another list.
import { readFile } from 'node:fs/promises';
import type { Outcome } from './keep.ts';
import { PROMISES } from './promises.ts';

const drivers = await Promise.all(
  process.argv.slice(2).map(async (argument) => {
    const [driver = '', file = ''] = argument.split('=');
    const outcomes = JSON.parse(await readFile(file, 'utf8')) as Outcome[];
    return { driver, outcomes: new Map(outcomes.map((outcome) => [outcome.promise, outcome])) };
  }),
);

const width = Math.max(...PROMISES.map(({ name }) => name.length));
const notes: string[] = [];
console.log(['promise'.padEnd(width), ...drivers.map(({ driver }) => driver.padEnd(15))].join('  '));
for (const { name } of PROMISES) {
  const cells = drivers.map(({ driver, outcomes }) => {
    const outcome = outcomes.get(name);
    if (outcome === undefined) {
      process.exitCode = 3;
      return 'not tried'.padEnd(15);
    }
    if (outcome.result === 'pass') return 'pass'.padEnd(15);
    notes.push(`${driver}: ${outcome.reason}`);
    return `${outcome.result} (${notes.length})`.padEnd(15);
  });
  console.log([name.padEnd(width), ...cells].join('  '));
}
notes.forEach((note, index) => {
  console.log(`(${index + 1}) ${note}`);
});
