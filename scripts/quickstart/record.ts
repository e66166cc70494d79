// Reads what the quickstart's control plane has written down.
import { readFile } from 'node:fs/promises';
import type { StoredEvent } from '../../agent/inventory/outbox.ts';

/** The parts of a capacity report that the account shows. */
export interface Capacity {
  hypervisor: string;
  connected: boolean;
  vcpus: { total: number; promisable: number; reserved: number; free: number };
  memory: { total: number; promisable: number; reserved: number; free: number };
  vservers: { total: number; running: number };
}

interface Line {
  /** Milliseconds since 1970. */
  time: number;
  method: string;
  params: unknown;
}

async function lines(file: string): Promise<Line[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  // A line that is just being written has no end yet.
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** The latest capacity report, or undefined if none has come since `since` (ms since 1970). */
export async function latestCapacity(file: string, since = 0): Promise<Capacity | undefined> {
  const reports = (await lines(file)).filter(({ method, time }) => method === 'capacity' && time >= since);
  return reports.at(-1)?.params as Capacity | undefined;
}

/** Every event received, by sequence number; one that came twice counts once. */
export async function eventsReceived(file: string): Promise<StoredEvent[]> {
  const events = new Map<number, StoredEvent>();
  for (const { method, params } of await lines(file)) {
    if (method === 'event') events.set((params as StoredEvent).seq, params as StoredEvent);
  }
  return [...events.values()].sort((a, b) => a.seq - b.seq);
}
