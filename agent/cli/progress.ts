// A progress bar for one operation on a terminal; the operation itself goes on with or without it.
import type { ApiClient } from './client.ts';
import { printable } from './printable.ts';

/** The members of an operation's record that are shown. */
interface Update {
  id?: unknown;
  step?: unknown;
  progress?: unknown;
}

/** The bar as text: step, filled part, percent. */
export function bar({ step, progress }: Update, columns: number): string {
  const percent = Math.min(100, Math.max(0, Math.round(Number(progress) || 0)));
  const label = printable(String(step ?? ''))
    .slice(0, 24)
    .padEnd(24);
  const room = Math.max(10, Math.min(40, columns - label.length - 9));
  const full = Math.round((room * percent) / 100);
  return `${label} [${'#'.repeat(full)}${' '.repeat(room - full)}] ${String(percent).padStart(3)}%`;
}

/**
 * Draws the progress of operation `id` on `screen` until the returned function is called, which wipes it away.
 * A stream of updates that fails leaves the bar as it is: the answer to the call is what counts.
 */
export async function showProgress(
  client: ApiClient,
  id: string,
  screen: NodeJS.WriteStream,
): Promise<() => void> {
  const done = new AbortController();
  const updates = await client.stream('/v1/operation-updates', done.signal);
  const draw = async () => {
    for await (const update of updates as AsyncIterable<Update>) {
      if (done.signal.aborted) return;
      if (update.id === id) screen.write(`\r${bar(update, screen.columns ?? 80)}`);
    }
  };
  draw().catch(() => undefined);
  return () => {
    done.abort();
    screen.write('\r\u001b[K');
  };
}
