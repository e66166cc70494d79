// The one VServer of the Xen test: the agent that owns it, and what dom0's own tools say about it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { TestAgent } from '../helpers/agent-process.ts';

const run = promisify(execFile);
const URI = 'xen:///system';
const FOLDER = '/var/tmp/ik-xen';
const PATIENCE_MS = 600_000;

/** One thing that must hold; each builds on those before it. */
export type Step = [name: string, keep: (subject: Subject) => Promise<void>];

/** An asynchronous answer, with what every VServer's has. */
export interface Status extends Record<string, unknown> {
  state: string;
  power: string;
  reason: string;
}

export interface Capacity {
  hypervisor: string;
  connected: boolean;
  memory: { total: number; reserved: number; hostFreeMiB: number };
}

/** Asks until it holds. */
export async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await holds()); ) {
    assert(Date.now() < end, `it never held that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Standard output of a program of dom0. */
export async function told(command: string, ...args: string[]): Promise<string> {
  return (await run(command, args)).stdout;
}

export class Subject {
  readonly image: string;
  readonly agent: TestAgent;
  readonly ours = { vserverId: 'web' };
  readonly configPath = `${FOLDER}/innkeeper.toml`;
  /** Known once it was made. */
  vserverId = '';
  /** What the host had of ours when only the image was there. */
  begun: string[] = [];

  constructor(image: string) {
    this.image = image;
    this.agent = new TestAgent(FOLDER, {
      libvirtUri: URI,
      prefix: 'ikx',
      config: {
        image_paths: [dirname(image)],
        vserver_type: [{ name: 'tiny', vcpus: 1, memory_mib: 128, cpu_shares: 512, cpu_cap_percent: 100 }],
        capacity: { cpu_overcommit: 16, host_memory_mib: 64, host_disk_percent: 1 },
      },
    });
  }

  get domain(): string {
    return `ikx-${this.vserverId}`;
  }

  verb(method: string, more: object = {}): Promise<Status> {
    return this.agent.call<Status>(method, { ...this.ours, ...more });
  }

  capacity(): Promise<Capacity> {
    return this.agent.call('getCapacity') as unknown as Promise<Capacity>;
  }

  /** Resolves when the agent has libvirtd, which it may have to find again. */
  isConnected(): Promise<void> {
    return until(async () => (await this.capacity()).connected, 'the agent is connected');
  }

  /** Xen's number of the domain, which changes with every boot; absent while there is none. */
  async domainId(): Promise<string | undefined> {
    const rows = (await told('xl', 'list')).split('\n');
    return rows.find((row) => row.startsWith(`${this.domain} `))?.split(/\s+/)[1];
  }

  /** Weight and cap as Xen's scheduler has them. */
  async scheduled(): Promise<string[]> {
    const rows = (await told('xl', 'sched-credit')).split('\n');
    return rows
      .find((row) => row.startsWith(`${this.domain} `))!
      .trim()
      .split(/\s+/)
      .slice(2);
  }

  async reached(state: string): Promise<Status> {
    let status: Status | undefined;
    await until(async () => {
      status = await this.verb('getVServerStatus');
      return status.state === state;
    }, `the VServer is ${state}`);
    return status!;
  }

  /** Id and path of the VDisk at position 0. */
  async systemDisk(): Promise<{ vdiskId: string; path: string }> {
    const { vdiskIds } = (await this.verb('getVServerAttributes')) as unknown as { vdiskIds: string[] };
    const listed = await told('virsh', '-c', URI, 'domblklist', this.domain, '--inactive');
    return { vdiskId: vdiskIds[0]!, path: /xvda\s+(\S+)/.exec(listed)![1]! };
  }

  /** Types a line into the guest's shell, again and again until its console shows the answer. */
  async guestSays(line: string, answer: RegExp): Promise<void> {
    const console = await this.agent.client.console('web');
    let text = '';
    console.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    console.on('error', () => {});
    try {
      for (const end = Date.now() + PATIENCE_MS; !answer.test(text); ) {
        assert(Date.now() < end, `the guest never answered "${line}": ${text.slice(-2000)}`);
        console.write(`${line}\n`);
        await new Promise((resolve) => setTimeout(resolve, 2000));
      }
    } finally {
      console.destroy();
    }
  }
}
