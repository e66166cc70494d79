// Can guests run by KVM here, and if not, why not?
import { type Check, fault, fine, warning } from './check.ts';

const HARDWARE =
  'Switch on VT-x or AMD-V in the firmware (in a virtual machine: nested virtualization), load kvm_intel or kvm_amd.';

export const virtualization: Check = {
  name: 'virtualization',
  async run({ config, senses }) {
    if (!/^qemu/.test(config.libvirt_uri)) return [fine(`${config.libvirt_uri} needs no KVM`)];
    const probe = await senses.acceleration();
    if (probe.type === 'kvm') return [fine('a small guest ran by KVM')];
    const flags = await senses.readFile('/proc/cpuinfo').catch(() => '');
    const able = /\b(vmx|svm)\b/.test(flags);
    const found = `No guest runs by KVM: ${probe.reason}. The processor ${able ? 'has' : 'shows no'} VT-x or AMD-V.`;
    if (config.acceleration === 'kvm') {
      const means = 'The configuration forces KVM, so no VServer can start.';
      return [fault('kvm-unusable', found, means, `${HARDWARE} Or set acceleration = "auto".`)];
    }
    return [warning('kvm-unusable', found, 'VServers run emulated, many times slower.', HARDWARE)];
  },
};
