// Waits for one of QEMU's jobs: its end comes as an event, its progress has to be asked for.
import { DriverError } from '../hypervisor.ts';
import { jobCancel, jobDismiss, type QmpEvent, type QmpJob, type QmpMonitor, queryJobs } from '../qmp/mod.ts';

const PROGRESS_MS = 500;

export interface JobWatch {
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

/**
 * Starts a job, resolves when it has succeeded, and forgets it in any case.
 * @throws DriverError `hypervisor` with QEMU's words, `wrong-state` if the machine ends; the signal's reason
 */
export async function runJob(
  monitor: QmpMonitor,
  id: string,
  start: () => Promise<void>,
  { signal, onProgress }: JobWatch,
): Promise<void> {
  signal?.throwIfAborted();
  const events = monitor.events();
  const cancel = () => void jobCancel(monitor, id).catch(() => {});
  const clock = onProgress && setInterval(() => tell(monitor, id, onProgress), PROGRESS_MS);
  try {
    await start();
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
    await conclusion(monitor, events, id);
  } finally {
    clearInterval(clock);
    signal?.removeEventListener('abort', cancel);
    events.end();
  }
  const job = await forget(monitor, id);
  signal?.throwIfAborted();
  if (job?.error !== undefined) throw new DriverError('hypervisor', `QEMU says: ${job.error}`);
  if (job) onProgress?.(job.current, job.total);
}

/** Ends and forgets a job of that id, if there is one. */
export async function endJob(monitor: QmpMonitor, id: string): Promise<void> {
  // Listening begins before the question, or the end could fall between the two.
  const events = monitor.events();
  try {
    const job = (await queryJobs(monitor)).find((one) => one.id === id);
    if (!job) return;
    if (job.status !== 'concluded') {
      await jobCancel(monitor, id);
      await conclusion(monitor, events, id);
    }
    await forget(monitor, id);
  } finally {
    events.end();
  }
}

async function conclusion(monitor: QmpMonitor, events: AsyncIterable<QmpEvent>, id: string): Promise<void> {
  for await (const { event, data } of events) {
    if (event === 'JOB_STATUS_CHANGE' && data.id === id && data.status === 'concluded') return;
  }
  throw machineEnded(await monitor.ended);
}

/** QEMU keeps its monitor as long as it lives. */
export function machineEnded(cause: unknown): DriverError {
  return new DriverError('wrong-state', 'the machine ended while its disk was copied', cause);
}

async function forget(monitor: QmpMonitor, id: string): Promise<QmpJob | undefined> {
  const job = (await queryJobs(monitor)).find((one) => one.id === id);
  if (job) await jobDismiss(monitor, id);
  return job;
}

function tell(monitor: QmpMonitor, id: string, onProgress: (done: number, total: number) => void): void {
  queryJobs(monitor).then(
    (jobs) => {
      const job = jobs.find((one) => one.id === id);
      if (job && job.total > 0) onProgress(job.current, job.total);
    },
    () => {}, // the end of the monitor is told by its events
  );
}
