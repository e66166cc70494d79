// Pinned vCPUs and memory bound to a NUMA node, as the kernel sees the machine's process.
import { readdir, readFile } from 'node:fs/promises';
import t from 'tap';
import { kvmHost } from '../helpers/kvm-host.ts';

/** Which CPUs each thread of a process may run on, by the thread's name. */
async function cpusOf(pid: string): Promise<[thread: string, cpus: string][]> {
  const tasks = await readdir(`/proc/${pid}/task`);
  return Promise.all(
    tasks.map(async (task): Promise<[string, string]> => {
      const read = (file: string) => readFile(`/proc/${pid}/task/${task}/${file}`, 'utf8');
      const allowed = /^Cpus_allowed_list:\s*(.*)$/m.exec(await read('status'))?.[1] ?? '';
      return [(await read('comm')).trim(), allowed];
    }),
  );
}

t.test('a vCPU runs on its CPU alone, the rest of the machine off it, the memory on its node', async (t) => {
  const { hypervisor, machine } = await kvmHost((act) => t.teardown(act));
  const { nodes } = await hypervisor.topology();
  const node = nodes.find(({ cpus }) => cpus.length > 0)!;
  const own = node.cpus.at(-1)!;
  const shared = node.cpus[0]!;
  const placed = { vcpuPins: [own], cpuset: String(shared), numaNode: node.id };
  const one = await machine('placed', placed);
  await hypervisor.define(one);
  await hypervisor.start(one.name);

  const pid = (await readFile(`/run/libvirt/qemu/${one.name}.pid`, 'utf8')).trim();
  const threads = await cpusOf(pid);
  const [vcpus, others] = [/^CPU \d/, /^qemu/].map((name) => threads.filter(([thread]) => name.test(thread)));
  t.same(
    vcpus!.map(([, cpus]) => cpus),
    [String(own)],
  );
  t.ok(others!.length > 0);
  t.ok(
    others!.every(([, cpus]) => cpus === String(shared)),
    JSON.stringify(threads),
  );
  t.match(await readFile(`/proc/${pid}/numa_maps`, 'utf8'), new RegExp(`\\bbind[^ ]*:${node.id}\\b`));
});
