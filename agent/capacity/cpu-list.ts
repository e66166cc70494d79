// Lists of CPUs as the kernel writes them: "0-3,8".

/** @throws RangeError for anything but ascending ranges of CPU numbers */
export function parseCpus(text: string): number[] {
  const cpus = new Set<number>();
  for (const part of text.split(',')) {
    const range = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim());
    const first = Number(range?.[1]);
    const last = Number(range?.[2] ?? first);
    if (!range || last < first || last > 65_535)
      throw new RangeError(`${JSON.stringify(text)} is no list of CPUs`);
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

/** The shortest list with these CPUs. */
export function formatCpus(cpus: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const cpu of cpus.toSorted((a, b) => a - b)) {
    const last = parts.at(-1);
    if (last && cpu === last[1] + 1) last[1] = cpu;
    else parts.push([cpu, cpu]);
  }
  return parts.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}
