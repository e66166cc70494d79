// What a killed libvirtd leaves half done, and how the verbs of the driver deal with what the next one says of it.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { ERROR_NUMBERS, LibvirtError } from '../../drivers/libvirt/mod.ts';
import type { Session } from '../../drivers/libvirt-hypervisor/dialect.ts';
import { powerOff, restore, save, start } from '../../drivers/libvirt-hypervisor/lifecycle.ts';

const refusal = (name: keyof typeof ERROR_NUMBERS) =>
  new LibvirtError('x', { code: ERROR_NUMBERS[name], domain: 10, level: 2, message: name } as never);

/** A libvirtd that tells these states one after the other, and starts a machine only when it is off. */
function libvirtd(states: [state: string, reason: string][]) {
  const did: string[] = [];
  const state = () => (states.length > 1 ? states.shift()! : states[0]!);
  const begin = (what: string) => async () => {
    did.push(what);
    if (states[0]![0] !== 'shutoff') throw refusal('OPERATION_INVALID');
    states.splice(0, states.length, ['running', 'booted']);
  };
  const domains = {
    byName: async (name: string) => ({ name, uuid: '', id: 1 }),
    async state() {
      const [now, reason] = state();
      return { state: now, reason };
    },
    start: begin('start'),
    restore: begin('restore'),
    async resume() {
      did.push('resume');
      states.splice(0, states.length, ['running', 'unpaused']);
    },
    async save() {
      throw refusal('OPERATION_INVALID');
    },
    async destroy() {
      did.push('destroy');
      if (did.length < 3) throw refusal('OPERATION_TIMEOUT');
    },
  };
  return { did, session: { client: { domains }, dialect: {} } as unknown as Session };
}

const half: [string, string][] = [
  ['paused', 'starting-up'],
  ['shutoff', 'failed'],
];

t.test('a half-started machine is no machine: it is started once libvirtd has ended it', async (t) => {
  for (const [verb, act] of [
    ['start', start],
    ['restore', (s: Session, name: string) => restore(s, name, '/p')],
  ] as const) {
    const { did, session } = libvirtd([...half]);
    await act(session, 'one');
    t.same(did, [verb, verb]);
  }
});

t.test('one whose memory is back, but which nobody has let go, is let go', async (t) => {
  const { did, session } = libvirtd([['paused', 'migration']]);
  await restore(session, 'one', '/p');
  t.match(did, ['restore', 'resume']);
});

t.test('one that runs is started, one that somebody paused is not', async (t) => {
  await t.resolves(start(libvirtd([['running', 'booted']]).session, 'one'));
  await t.rejects(start(libvirtd([['paused', 'user']]).session, 'one'), { message: 'OPERATION_INVALID' });
});

t.test('a power cut does not give up because something holds the machine', async (t) => {
  const { did, session } = libvirtd([['running', 'booted']]);
  await powerOff(session, 'one');
  t.same(did, ['destroy', 'destroy', 'destroy']);
});

t.test(
  'a machine that is off has been saved if its memory image is whole, whoever finished it',
  async (t) => {
    const image = join(t.testdir(), 'image');
    const off = () => libvirtd([['shutoff', 'unknown']]).session;
    const refused = { message: 'OPERATION_INVALID' };
    await t.rejects(save(off(), 'one', image), refused, 'no image');
    await writeFile(image, 'LibvirtQemudPart and more');
    await t.rejects(save(off(), 'one', image), refused, 'half an image');
    await writeFile(image, 'LibvirtQemudSave and more');
    await t.resolves(save(off(), 'one', image));
    await t.rejects(save(libvirtd([['running', 'booted']]).session, 'one', image), refused, 'an old image');
  },
);
