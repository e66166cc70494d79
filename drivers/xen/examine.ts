// Which guests can this Xen host run?
import type { ExamineOptions, HostExamination, HostFinding } from '../host-finding.ts';
import type { GuestType } from '../hypervisor.ts';
import { LibvirtClient } from '../libvirt/mod.ts';
import { offeredTypes } from './offered.ts';

const CONNECT_MS = 5000;

export const xenHost: HostExamination = {
  // What Xen needs comes with Xen: libvirt would not answer without it.
  programs: [],

  async examine({ uri }: ExamineOptions): Promise<HostFinding[]> {
    const client = new LibvirtClient({ uri, connectTimeoutMs: CONNECT_MS });
    try {
      await client.connect();
      const [version, capabilities] = await Promise.all([client.host.version(), client.host.capabilities()]);
      return [xenFinding(version, offeredTypes(capabilities))];
    } finally {
      await client.close();
    }
  },
};

/** What it means that this Xen runs guests of `types`. */
export function xenFinding(version: string, types: readonly GuestType[]): HostFinding {
  const found = `Xen ${version} runs ${types.join(', ')} guests`;
  if (types.includes('hvm')) return { code: 'ok', level: 'ok', found };
  return {
    code: 'hvm-unusable',
    level: 'warning',
    found,
    means: 'Only images whose kernel runs paravirtual can boot.',
    do: 'Switch on VT-x or AMD-V in the firmware, or register images with guestType pv only.',
  };
}
