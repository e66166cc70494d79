// What a hostile image file can claim about itself, and that none of it is believed.
import t from 'tap';
import { InnkeeperError } from '../../agent/resources/errors.ts';
import { judgeHead } from '../../agent/storage/inspect.ts';
import { HEAD_BYTES, parseQcow2 } from '../../agent/storage/qcow2-header.ts';
import { type CraftedHead, craftHead, FILE_BYTES, randomBySeed } from '../helpers/qcow2.ts';

t.test('a sound image is recognised with its size', async (t) => {
  t.strictSame(judgeHead(craftHead(), FILE_BYTES, {}), { format: 'qcow2', virtualSizeBytes: 2 ** 30 });
  t.strictSame(judgeHead(craftHead({ version: 2 }), FILE_BYTES, {}).format, 'qcow2');
});

const hostile: [string, CraftedHead, RegExp][] = [
  ['a backing file', { backing: '/etc/shadow' }, /builds on another file \(\/etc\/shadow\)/],
  ['a backing file that is a protocol', { backing: 'json:{"driver":"nbd"}' }, /builds on another file/],
  [
    'a backing name outside the header',
    { backingOffset: 1n << 40n, backingLength: 11 },
    /outside its header/,
  ],
  ['a backing name of no length', { backingOffset: 512n, backingLength: 0 }, /outside its header/],
  ['a backing name of 2 GiB', { backingOffset: 512n, backingLength: 2 ** 31 }, /outside its header/],
  ['an external data file by feature bit', { incompatible: 4n }, /external file/],
  [
    'an external data file by name only',
    { extensions: [{ type: 0x44415441, text: '/dev/sda' }] },
    /external file/,
  ],
  ['encryption (AES)', { crypt: 1 }, /encrypted/],
  ['encryption (LUKS header)', { extensions: [{ type: 0x0537be77, text: 'x'.repeat(16) }] }, /encrypted/],
  ['the corrupt bit', { incompatible: 2n }, /corrupt/],
  ['the dirty bit', { incompatible: 1n }, /closed cleanly/],
  ['features nobody knows', { incompatible: 1n << 40n }, /does not know/],
  ['version 1', { version: 1 }, /version 1/],
  ['version 4', { version: 4 }, /version 4/],
  ['clusters of 2 bytes', { clusterBits: 1 }, /clusters/],
  ['clusters of 2^4294967295 bytes', { clusterBits: 0xffffffff }, /clusters/],
  ['a tiny header', { headerLength: 8 }, /header of 8 bytes/],
  ['a header of 4 GiB', { headerLength: 0xffffffff }, /header of/],
  [
    'an extension longer than the header',
    { extensions: [{ type: 1, text: 'x', length: 0xfffffff0 }] },
    /longer/,
  ],
  ['a disk of 16 EiB', { sizeBytes: 0xffffffffffffffffn }, /absurd/],
  ['a disk of 4 PiB', { sizeBytes: 1n << 52n, l1Entries: 1 << 22 }, /L1 table is too small/],
  ['a disk of nothing', { sizeBytes: 0n }, /less than one sector/],
  ['an L1 table too small for the disk', { l1Entries: 1 }, /L1 table is too small/],
  ['an L1 table of 32 GiB', { l1Entries: 0xffffffff }, /absurdly large/],
  ['an L1 table over the header', { l1Offset: 0n }, /L1 table is not where/],
  ['an L1 table at an odd place', { l1Offset: 0x30001n }, /L1 table is not where/],
  ['an L1 table beyond the end', { l1Offset: 1n << 62n }, /beyond the end/],
  ['a refcount table beyond the end', { refcountOffset: 1n << 32n }, /beyond the end/],
  ['no refcount table', { refcountClusters: 0 }, /refcount table/],
  ['a refcount table of 256 TiB', { refcountClusters: 0xffffffff }, /refcount table/],
  ['refcounts of 2^255 bits', { refcountOrder: 255 }, /reference counts/],
  ['four billion snapshots', { snapshots: 0xffffffff }, /snapshots/],
  ['snapshots beyond the end', { snapshots: 2, snapshotsOffset: 1n << 40n }, /snapshot table/],
];

for (const [name, wish, message] of hostile) {
  t.test(`${name} is refused`, async (t) => {
    t.throws(() => judgeHead(craftHead(wish), FILE_BYTES, {}), { code: 'invalid', message });
  });
}

t.test('a large but consistent disk is refused by the limit', async (t) => {
  const head = craftHead({ sizeBytes: 1n << 34n, l1Entries: 32 });
  t.equal(judgeHead(head, FILE_BYTES, {}).virtualSizeBytes, 2 ** 34);
  const limits = { maxVirtualBytes: 2 ** 33 };
  t.throws(() => judgeHead(head, FILE_BYTES, limits), { code: 'invalid', message: /16.0 GiB .* 8.0 GiB/ });
});

t.test('a file that ends inside its header is refused at every length', async (t) => {
  const head = craftHead();
  for (let length = 4; length < 104; length += 1) {
    t.throws(() => parseQcow2(head.subarray(0, length)), { code: 'invalid' });
  }
});

t.test('raw is only what does not look like a disk format, unless it is said to be raw', async (t) => {
  const vmdk = Buffer.alloc(4096);
  vmdk.write('KDMV');
  t.throws(() => judgeHead(vmdk, 4096, {}), { code: 'unsupported', message: /VMDK/ });
  t.equal(judgeHead(vmdk, 4096, { format: 'raw' }).format, 'raw');
  const tar = Buffer.alloc(4096);
  tar.write('ustar', 257);
  t.throws(() => judgeHead(tar, 4096, {}), { code: 'unsupported', message: /tar archive/ });
  t.throws(() => judgeHead(craftHead(), FILE_BYTES, { format: 'raw' }), {
    code: 'invalid',
    message: /it is qcow2/,
  });
  t.throws(() => judgeHead(Buffer.alloc(4096), 4096, { format: 'qcow2' }), {
    code: 'invalid',
    message: /it is raw/,
  });
});

t.test('20,000 mutations of a header: each is accepted as it stands or refused in words', async (t) => {
  const random = randomBySeed(20_26);
  const sound = craftHead({ extensions: [{ type: 0x6803f857, text: 'x'.repeat(48) }] });
  let refused = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const head = Uint8Array.from(sound.subarray(0, 512));
    for (let flips = 1 + random() * 4; flips > 0; flips -= 1) {
      head[4 + Math.floor(random() * 200)] = Math.floor(random() * 256);
    }
    try {
      const facts = judgeHead(head, FILE_BYTES, {});
      const header = parseQcow2(head);
      const alone = header.backingFile === undefined && !header.externalData && !header.encrypted;
      if (!alone || facts.virtualSizeBytes > 8 * 2 ** 40) t.fail(`round ${round} slipped through`);
    } catch (error) {
      refused += 1;
      if (!(error instanceof InnkeeperError)) t.fail(`round ${round}: ${error}`);
    }
  }
  t.ok(refused > 5000 && refused < 20_000, `${refused} were refused`);
  t.ok(HEAD_BYTES >= 512);
});
