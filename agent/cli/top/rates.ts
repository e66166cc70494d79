// From two looks at the counters of all VServers to what each one does per second. Pure.
import { column } from '../table.ts';

/** The members of `listVServerUsage` that are shown. */
export interface Usage {
  vserverId: string;
  name: string;
  state: string;
  vcpus: number;
  memoryMiB: number;
  cpuSeconds?: number;
  residentBytes?: number;
  disks: { readBytes?: number; writtenBytes?: number }[];
  vnics: { receivedBytes?: number; sentBytes?: number }[];
}

/** All of them at one moment. */
export interface Look {
  /** Milliseconds of a clock that only goes forward. */
  at: number;
  vservers: Usage[];
}

/** One VServer; rates are absent until it was seen twice since power-on. */
export interface Activity {
  vserverId: string;
  name: string;
  state: string;
  vcpus: number;
  memoryMiB: number;
  residentMiB?: number;
  /** Percent of one processor. */
  cpuPercent?: number;
  readBytesPerSecond?: number;
  writtenBytesPerSecond?: number;
  receivedBytesPerSecond?: number;
  sentBytesPerSecond?: number;
}

/** What the list can be sorted by, largest first. */
export const SORTS = {
  cpu: ({ cpuPercent }: Activity) => cpuPercent,
  memory: ({ residentMiB, memoryMiB }: Activity) => residentMiB ?? memoryMiB,
  disk: (one: Activity) => (one.readBytesPerSecond ?? 0) + (one.writtenBytesPerSecond ?? 0),
  network: (one: Activity) => (one.receivedBytesPerSecond ?? 0) + (one.sentBytesPerSecond ?? 0),
} as const;
export type Sort = keyof typeof SORTS;

/** The VServers of the second look; those that do the same are in the order of their names. */
export function activities(before: Look, now: Look, sort: Sort): Activity[] {
  const seconds = (now.at - before.at) / 1000;
  const known = new Map(before.vservers.map((vserver) => [vserver.vserverId, vserver]));
  const rows = now.vservers.map((vserver) => activity(known.get(vserver.vserverId), vserver, seconds));
  const key = SORTS[sort];
  return rows.sort((a, b) => (key(b) ?? -1) - (key(a) ?? -1) || a.name.localeCompare(b.name));
}

function activity(before: Usage | undefined, now: Usage, seconds: number): Activity {
  const { vserverId, name, state, vcpus, memoryMiB, residentBytes } = now;
  /** A counter that went back has begun anew: then nothing is known of this while. */
  const rate = (of: (usage: Usage) => number | undefined): number | undefined => {
    const [from, to] = [before && of(before), of(now)];
    if (from === undefined || to === undefined || to < from || seconds <= 0) return undefined;
    return (to - from) / seconds;
  };
  const cpu = rate(({ cpuSeconds }) => cpuSeconds);
  const rates = {
    cpuPercent: cpu === undefined ? undefined : Math.round(cpu * 1000) / 10,
    readBytesPerSecond: whole(rate(({ disks }) => sum(disks.map(({ readBytes }) => readBytes)))),
    writtenBytesPerSecond: whole(rate(({ disks }) => sum(disks.map(({ writtenBytes }) => writtenBytes)))),
    receivedBytesPerSecond: whole(rate(({ vnics }) => sum(vnics.map(({ receivedBytes }) => receivedBytes)))),
    sentBytesPerSecond: whole(rate(({ vnics }) => sum(vnics.map(({ sentBytes }) => sentBytes)))),
    residentMiB: residentBytes === undefined ? undefined : Math.round(residentBytes / 2 ** 20),
  };
  const told = Object.fromEntries(Object.entries(rates).filter(([, value]) => value !== undefined));
  return { vserverId, name, state, vcpus, memoryMiB, ...told };
}

const whole = (value: number | undefined) => (value === undefined ? undefined : Math.round(value));

/** Undefined unless something was counted. */
function sum(counts: (number | undefined)[]): number | undefined {
  const known = counts.filter((count) => count !== undefined);
  return known.length === 0 ? undefined : known.reduce((all, count) => all + count, 0);
}

/** 1536 → "1.5K": five characters at most. */
export function short(bytes: number | undefined): string {
  if (bytes === undefined) return '-';
  const units = ['', 'K', 'M', 'G', 'T', 'P'];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)}${units[unit]}`;
}

const bytes = (member: keyof Activity, heading: string) => ({
  heading,
  value: (row: Record<string, unknown>) => short(row[member] as number | undefined),
});

export const TOP_COLUMNS = [
  column('name'),
  column('state'),
  column('vcpus'),
  column('cpuPercent', 'cpu%'),
  column('memoryMiB', 'mib'),
  column('residentMiB', 'resident'),
  bytes('readBytesPerSecond', 'READ/S'),
  bytes('writtenBytesPerSecond', 'WRITTEN/S'),
  bytes('receivedBytesPerSecond', 'RECEIVED/S'),
  bytes('sentBytesPerSecond', 'SENT/S'),
];
