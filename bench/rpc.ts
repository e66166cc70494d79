// Benchmark: calls to libvirt through our client, in sequence and pipelined, against virsh processes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { LibvirtClient } from '../drivers/libvirt/mod.ts';
import type { Session } from './lib/benchmark.ts';

const URI = 'qemu:///system';
/** The same question everywhere: which domains there are. */
const VIRSH_COMMAND = 'list --all --name';
const CALLS = 200;
const PROCESSES = 3;

export const name = 'rpc';

export const rounds = 15;

export const units = { sequence: CALLS, pipelined: CALLS, virsh: PROCESSES, virsh_shell: CALLS };

/** One virsh; `input` is for its shell. */
async function virsh(args: string[], input = ''): Promise<void> {
  const child = spawn('virsh', ['-q', '-c', URI, ...args], { stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.end(input);
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`virsh ended with ${code}`);
}

/** Connects our client; virsh connects as often as it has processes, which is the point. */
export async function prepare(): Promise<Session> {
  const client = new LibvirtClient({ uri: URI });
  await client.connect();
  return {
    cases: {
      sequence: async () => {
        for (let call = 0; call < CALLS; call++) await client.domains.list();
      },
      pipelined: () => Promise.all(Array.from({ length: CALLS }, () => client.domains.list())),
      virsh: async () => {
        for (let process = 0; process < PROCESSES; process++) await virsh(VIRSH_COMMAND.split(' '));
      },
      virsh_shell: () => virsh([], `${VIRSH_COMMAND}\n`.repeat(CALLS)),
    },
    close: () => client.close(),
  };
}

/** From the medians in milliseconds per call; below 1 we are faster. */
export function ratios(medians: Record<string, number>): Record<string, number> {
  const ratio = (ours: string, theirs: string) =>
    (medians[ours] ?? Number.NaN) / (medians[theirs] ?? Number.NaN);
  return {
    call_vs_virsh: ratio('sequence', 'virsh'),
    pipelined_vs_virsh: ratio('pipelined', 'virsh'),
    call_vs_virsh_shell: ratio('sequence', 'virsh_shell'),
  };
}
