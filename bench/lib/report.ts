// How results are shown: a table for people.
import { cpus, release, totalmem } from 'node:os';
import type { Measurement } from './measure.ts';

/** What a number means nothing without. */
export function machine(): Record<string, string | number> {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cpus: processors.length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.versions.node,
  };
}

function row(name: string, cells: readonly (number | string)[]): string {
  const text = cells.map((cell) =>
    typeof cell === 'number' ? Number(cell.toPrecision(4)).toString() : cell,
  );
  return `${name.padEnd(24)}${text.map((cell) => cell.padStart(12)).join('')}`;
}

/** Cases with median, least and greatest value, then the ratios. */
export function table(name: string, result: Measurement): string {
  const lines = [row(`${name}, ms`, ['median', 'least', 'greatest'])];
  for (const [label, samples] of Object.entries(result.samples)) {
    lines.push(row(label, [result.medians[label]!, Math.min(...samples), Math.max(...samples)]));
  }
  lines.push('', row('ours / theirs', ['ratio']));
  for (const [label, ratio] of Object.entries(result.ratios)) lines.push(row(label, [ratio]));
  return `${lines.join('\n')}\n`;
}
