// What every change must pass, in the order in which it is run: what says no soonest comes first.
import type { Stage } from './stage.ts';

export const stages: readonly Stage[] = [
  {
    name: 'lint',
    command: ['npm', 'run', '--silent', 'lint'],
    result: 'status',
    timeLimitMinutes: 5,
  },
  {
    name: 'typecheck',
    command: ['npm', 'run', '--silent', 'typecheck'],
    result: 'status',
    timeLimitMinutes: 5,
  },
  {
    name: 'test',
    command: ['npm', '--silent', 'test', '--', '--reporter=tap'],
    result: 'tap',
    timeLimitMinutes: 30,
    secondLook: 'files',
  },
  {
    name: 'test:kvm',
    command: ['npm', 'run', '--silent', 'test:kvm'],
    result: 'tap',
    timeLimitMinutes: 30,
    secondLook: 'stage',
  },
  {
    name: 'test:cloud-init',
    command: ['npm', 'run', '--silent', 'test:cloud-init'],
    result: 'tap',
    timeLimitMinutes: 25,
    secondLook: 'stage',
  },
  {
    name: 'test:sweep',
    command: ['npm', 'run', '--silent', 'test:sweep', '--', '--reporter=tap'],
    result: 'tap',
    timeLimitMinutes: 25,
    secondLook: 'stage',
  },
  {
    name: 'test:package',
    command: ['npm', 'run', '--silent', 'test:package'],
    result: 'tap',
    timeLimitMinutes: 25,
    secondLook: 'stage',
  },
  {
    name: 'test:xen',
    command: ['npm', 'run', '--silent', 'test:xen'],
    result: 'tap',
    timeLimitMinutes: 35,
    secondLook: 'stage',
  },
];
