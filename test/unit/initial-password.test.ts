// An initial password that waits in a file of the guest: taken by the same rules as one that is sent.
import t from 'tap';
import { fetchInitialPassword } from '../../agent/guest/initial-password.ts';
import { GuestWays } from '../../agent/guest/ways.ts';
import type { Host } from '../../agent/host.ts';
import type { VServer } from '../../agent/resources/vserver.ts';

const CLEAR = '/run/innkeeper/initial-password';
const ENCRYPTED = '/run/innkeeper/encrypted-initial-password';

/** Has a guest with these files asked, and tells what was kept, counted and logged. */
async function fetched(files: Record<string, string | Buffer>) {
  const vserver = { id: 'vs-1', state: 'running', domain: 'ik-vs-1' } as unknown as VServer;
  const kept: string[] = [];
  const logged: unknown[] = [];
  const tx = {
    get: () => (kept.length > 0 ? { initialPassword: {} } : {}),
    patch: (_: string, _id: string, { initialPassword: { how, sealed } }: Kept) => kept.push(how, sealed),
    event: () => {},
  };
  const guestAgent = async (_: string, { execute, arguments: { path, handle, count } }: Command) => {
    if (execute === 'guest-file-open' && !Object.hasOwn(files, path)) throw new Error('no such file');
    if (execute === 'guest-file-open') return path;
    const content = Buffer.from(files[handle] ?? '').subarray(0, count);
    return execute === 'guest-file-read' ? { 'buf-b64': content.toString('base64') } : {};
  };
  const host = {
    log: { debug: (...words: unknown[]) => logged.push(words) },
    guestWays: new GuestWays(),
    inventory: { transact: async (work: (given: typeof tx) => unknown) => work(tx) },
    seal: { seal: (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1') },
    hypervisor: { features: { guestAgent: true }, guestAgent },
  };
  await fetchInitialPassword(host as unknown as Host, vserver);
  const { stored = 0, refused = 0 } = host.guestWays.of('vs-1', 'guest-agent') ?? {};
  return { kept, logged: JSON.stringify(logged), stored, refused };
}

interface Kept {
  initialPassword: { how: string; sealed: string };
}

interface Command {
  execute: string;
  arguments: { path: string; handle: string; count: number };
}

t.test('what is encrypted is preferred, and one line ending belongs to nobody', async (t) => {
  const base64 = Buffer.from('cipher').toString('base64');
  t.match(await fetched({ [CLEAR]: 'secret', [ENCRYPTED]: `${base64}\n` }), {
    kept: ['encrypted', base64],
    stored: 1,
    refused: 0,
  });
  t.match(await fetched({ [CLEAR]: 'se cret\n\r\n' }), { kept: ['clear', 'se cret\n'] });
  t.match(await fetched({ [CLEAR]: `${'x'.repeat(1024)}\r\n` }), { kept: ['clear', 'x'.repeat(1024)] });
});

t.test('one that would be refused over HTTP is refused here, counted, and named in no log', async (t) => {
  const wrong = await fetched({ [ENCRYPTED]: 'not base64!' });
  t.match(wrong, { kept: [], stored: 0, refused: 1 });
  t.notMatch(wrong.logged, /not base64!/);
  t.match(await fetched({ [CLEAR]: 'x'.repeat(1025) }), { kept: [], refused: 1 }, 'not cut short');
  t.match(await fetched({ [CLEAR]: '\n' }), { kept: [], refused: 0 }, 'an empty file is none');
  t.match(await fetched({}), { kept: [], refused: 0 });
  t.match(await fetched({ [CLEAR]: 'secret', [ENCRYPTED]: 'not base64!' }), {
    kept: ['clear', 'secret'],
    stored: 1,
    refused: 1,
  });
});
