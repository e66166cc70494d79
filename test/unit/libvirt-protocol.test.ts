// The protocol tables against libvirt's own list of procedures, which libvirtd's package installs.
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { EVENTS } from '../../drivers/libvirt/protocol/events.ts';
import { PROCEDURES } from '../../drivers/libvirt/protocol/index.ts';
import { PROGRAMS } from '../../drivers/libvirt/rpc/frame.ts';

/** Part of libvirt-daemon-system on Debian and Ubuntu: names for SystemTap scripts. */
const TAPSET = '/usr/share/systemtap/tapset/libvirt_functions.stp';

async function procedureNames(): Promise<Map<number, Map<number, string>>> {
  const programs = new Map<number, Map<number, string>>();
  const body = await readFile(TAPSET, 'utf8');
  for (const part of body.split(/if \(program == /).slice(1)) {
    const program = /^(\d+) && version == 1\)/.exec(part);
    if (program === null) continue;
    const names = part.matchAll(/proc == (\d+)\) \{\s+procstr = "(\w+)"/g);
    programs.set(Number(program[1]), new Map([...names].map(([, number, name]) => [Number(number), name!])));
  }
  return programs;
}

t.test('every procedure has the number libvirt gives it', async (t) => {
  const names = await procedureNames();
  for (const [name, { program, number }] of Object.entries(PROCEDURES)) {
    const plain = name.replace(/^qemu_/, '');
    t.equal(names.get(program)?.get(number), plain, `${name} is ${number}`);
  }
});

t.test('every event arrives as the message libvirt sends', async (t) => {
  const names = (await procedureNames()).get(PROGRAMS.remote);
  const spelling: Record<string, string> = {
    'io-error': 'domain_event_callback_io_error_reason',
    'block-job': 'domain_event_block_job_2',
  };
  for (const [type, { procedure }] of Object.entries(EVENTS)) {
    t.equal(names?.get(procedure), spelling[type] ?? `domain_event_callback_${type.replaceAll('-', '_')}`);
  }
});
