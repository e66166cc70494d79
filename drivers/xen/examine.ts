// Which guests can this Xen host run, and what can be set of them?
import type { ExamineOptions, HostExamination, HostFinding } from '../host-finding.ts';
import type { GuestType } from '../hypervisor.ts';
import { LibvirtClient } from '../libvirt/mod.ts';
import { offeredTypes } from './offered.ts';
import { hasCredit } from './scheduling.ts';

/** A daemon that is not there is refused at once: only one that is busy makes anybody wait. */
const CONNECT_MS = 30_000;

export const xenHost: HostExamination = {
  // What Xen needs comes with Xen: libvirt would not answer without it.
  programs: [],

  async examine({ uri }: ExamineOptions): Promise<HostFinding[]> {
    const client = new LibvirtClient({ uri, connectTimeoutMs: CONNECT_MS });
    try {
      await client.connect();
      const [version, capabilities, credit] = await Promise.all([
        client.host.version(),
        client.host.capabilities(),
        hasCredit(client),
      ]);
      return [xenFinding(version, offeredTypes(capabilities), credit)];
    } finally {
      await client.close();
    }
  },
};

/** What it means that this Xen runs guests of `types`, and that its scheduler is the credit scheduler or is not. */
export function xenFinding(version: string, types: readonly GuestType[], credit: boolean): HostFinding {
  const weights = credit
    ? 'weights and caps can be set'
    : 'no weights and caps (its scheduler is not credit)';
  const found = `Xen ${version} runs ${types.join(', ')} guests; ${weights}`;
  if (types.includes('hvm')) return { code: 'ok', level: 'ok', found };
  return {
    code: 'hvm-unusable',
    level: 'warning',
    found,
    means: 'Only images whose kernel runs paravirtual can boot.',
    do: 'Switch on VT-x or AMD-V in the firmware, or register images with guestType pv only.',
  };
}
