// Does KVM really run guests here? Asked by running one, because nothing less is proof.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT_PORT, probeFirmware, WRITTEN } from './probe-program.ts';

/** How the guests will run; `reason` says why not by KVM. */
export type Acceleration = { type: 'kvm' } | { type: 'qemu'; reason: string };

export interface ProbeOptions {
  /** Takes the operator's word instead of a probe; `tcg` is emulation. */
  force?: 'kvm' | 'tcg' | undefined;
  /** The QEMU to try, by name or path. */
  emulator?: string;
  /** Milliseconds until the probe is killed and counts as failed. */
  timeoutMs?: number;
}

/** isa-debug-exit ends QEMU with twice the written byte plus one. */
const PROOF = WRITTEN * 2 + 1;
/** A guest that KVM gives up is paused, not ended: these words on stderr are all there is. */
const GIVEN_UP = 'KVM internal error';
/** How much of what QEMU complains is read, and how much of that is told, in characters. */
const MAX_STDERR = 65_536;
const MAX_REASON = 300;

/**
 * `/dev/kvm` can exist and open, and QEMU still die when it sets up a vCPU, or the vCPU fail at an instruction
 * firmware does not use. So a small guest runs, and only its own last instruction can end QEMU with the proof.
 */
export async function probeAcceleration(options: ProbeOptions = {}): Promise<Acceleration> {
  if (options.force === 'kvm') return { type: 'kvm' };
  if (options.force === 'tcg') return { type: 'qemu', reason: 'the configuration asks for emulation' };
  const folder = await mkdtemp(join(tmpdir(), 'innkeeper-kvm-probe-'));
  try {
    const firmware = join(folder, 'firmware');
    await writeFile(firmware, probeFirmware());
    return await run(firmware, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(firmware: string, { emulator = 'qemu-system-x86_64', timeoutMs = 30_000 }: ProbeOptions) {
  const child = spawn(
    emulator,
    [
      ...['-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot'],
      ...['-machine', 'pc', '-accel', 'kvm', '-m', '16'],
      ...['-bios', firmware, '-device', `isa-debug-exit,iobase=${EXIT_PORT},iosize=1`],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  return outcome(child, timeoutMs);
}

function outcome(child: ChildProcess, timeoutMs: number): Promise<Acceleration> {
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(0, MAX_STDERR);
    if (words.includes(GIVEN_UP)) child.kill('SIGKILL');
  });
  const late = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const { promise, resolve } = Promise.withResolvers<Acceleration>();
  const fail = (reason: string): void => resolve({ type: 'qemu', reason });
  child.once('error', (error) => fail(`QEMU cannot be started: ${error.message}`));
  child.once('close', (code) => {
    if (code === PROOF) resolve({ type: 'kvm' });
    else if (words.includes(GIVEN_UP)) fail('KVM fails at an instruction every guest uses (internal error)');
    else if (code === null) fail(`a small guest under KVM did not finish in ${timeoutMs} ms`);
    else fail(firstWords(words) || `QEMU with KVM ended with status ${code}`);
  });
  return promise.finally(() => clearTimeout(late));
}

function firstWords(words: string): string {
  return words
    .trim()
    .replace(/\s*\n\s*/g, '; ')
    .slice(0, MAX_REASON);
}
