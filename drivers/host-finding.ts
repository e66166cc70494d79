// What a driver finds out about its own host, in sentences for a person: the agent shows them and asks nothing.
import type { Acceleration } from './kvm/acceleration.ts';

/** One thing found; everything but `ok` says what it means and what to do. */
export interface HostFinding {
  /** Stable word for programs: `kvm-unusable` …; `ok` if nothing is wrong. */
  code: string;
  level: 'ok' | 'warning' | 'fault';
  found: string;
  means?: string;
  do?: string;
}

/** A program that libvirt runs for this hypervisor. */
export interface HostProgram {
  command: string;
  /** Arguments that make it tell its version. */
  args: string[];
  /** Debian's package. */
  packages: string;
  /** What does not work without it. */
  purpose: string;
  /** Oldest major version that will do. */
  oldest?: number;
}

/** How one kind of host is looked at. */
export interface HostExamination {
  programs: readonly HostProgram[];
  /** May start programs or guests of its own, which are gone when it resolves; takes seconds at most. */
  examine(options: ExamineOptions): Promise<HostFinding[]>;
}

export interface ExamineOptions {
  uri: string;
  /** The operator's word on KVM or emulation, if given. */
  acceleration?: 'kvm' | 'tcg' | undefined;
  /** Finds out whether guests run by hardware; the driver's own way if absent. */
  probe?: (() => Promise<Acceleration>) | undefined;
}
