// Which driver serves which libvirt URI: the one place that names them all.
import type { HostExamination } from './host-finding.ts';
import { DriverError, type Hypervisor } from './hypervisor.ts';
import { kvmHost } from './kvm/examine.ts';
import { KvmDialect } from './kvm/kvm-dialect.ts';
import type { LibvirtOptions } from './libvirt/mod.ts';
import type { Dialect } from './libvirt-hypervisor/dialect.ts';
import { LibvirtHypervisor } from './libvirt-hypervisor/libvirt-hypervisor.ts';
import { TestDialect } from './test-hypervisor/test-dialect.ts';
import { xenHost } from './xen/examine.ts';
import { XenDialect } from './xen/xen-dialect.ts';

export interface HypervisorOptions extends LibvirtOptions {
  /** Takes the operator's word on KVM or emulation instead of probing. */
  acceleration?: 'kvm' | 'tcg' | undefined;
}

/** By the first part of the URI's scheme (`qemu+tcp` is `qemu`). */
const DIALECTS: Readonly<Record<string, (options: HypervisorOptions) => Dialect>> = {
  qemu: ({ acceleration }) => new KvmDialect({ force: acceleration }),
  test: () => new TestDialect(),
  xen: () => new XenDialect(),
};

/**
 * The hypervisor behind a libvirt URI; not connected yet.
 * @throws DriverError `unsupported` for a scheme no driver serves, `invalid` for a URI that is none
 */
export function openHypervisor(options: HypervisorOptions): Hypervisor {
  const scheme = schemeOf(options.uri);
  const dialect = Object.hasOwn(DIALECTS, scheme) ? DIALECTS[scheme] : undefined;
  if (dialect === undefined) {
    const known = Object.keys(DIALECTS).join(', ');
    throw new DriverError('unsupported', `no driver for ${options.uri}: its scheme must be one of ${known}`);
  }
  const { acceleration: _, ...client } = options;
  try {
    return new LibvirtHypervisor(client, dialect(options));
  } catch (error) {
    throw new DriverError('invalid', `${options.uri} is not a libvirt URI`, error);
  }
}

/** How the host behind a libvirt URI is looked at; undefined where there is nothing to look at. */
export function examinationOf(uri: string): HostExamination | undefined {
  const scheme = schemeOf(uri);
  return Object.hasOwn(EXAMINATIONS, scheme) ? EXAMINATIONS[scheme] : undefined;
}

const EXAMINATIONS: Readonly<Record<string, HostExamination>> = { qemu: kvmHost, xen: xenHost };

function schemeOf(uri: string): string {
  return /^([a-z]+)(\+[a-z]+)?:/.exec(uri)?.[1] ?? '';
}
