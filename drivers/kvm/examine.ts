// Can guests run by KVM here, and if not, why not?
import { readFile } from 'node:fs/promises';
import type { ExamineOptions, HostExamination, HostFinding } from '../host-finding.ts';
import { probeAcceleration } from './acceleration.ts';

const HARDWARE =
  'Switch on VT-x or AMD-V in the firmware (in a virtual machine: nested virtualization), load kvm_intel or kvm_amd.';

export const kvmHost: HostExamination = {
  programs: [
    {
      command: 'qemu-system-x86_64',
      args: ['--version'],
      packages: 'qemu-system-x86',
      purpose: 'No VServer can start.',
      oldest: 6,
    },
  ],

  async examine({ acceleration, probe: tryOne = probeAcceleration }: ExamineOptions): Promise<HostFinding[]> {
    const probe = await tryOne();
    if (probe.type === 'kvm') return [{ code: 'ok', level: 'ok', found: 'a small guest ran by KVM' }];
    const flags = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
    const able = /\b(vmx|svm)\b/.test(flags);
    const found = `No guest runs by KVM: ${probe.reason}. The processor ${able ? 'has' : 'shows no'} VT-x or AMD-V.`;
    const code = 'kvm-unusable';
    if (acceleration === 'kvm') {
      const means = 'The configuration forces KVM, so no VServer can start.';
      return [{ code, level: 'fault', found, means, do: `${HARDWARE} Or set acceleration = "auto".` }];
    }
    const means = 'VServers run emulated, many times slower.';
    return [{ code, level: 'warning', found, means, do: HARDWARE }];
  },
};
