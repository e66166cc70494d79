// What the doctor asks of a file system, also of one that never answers.
import { chmod, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { spaceOf } from '../../agent/doctor/senses.ts';

t.test('room is told as the kernel tells it', async (t) => {
  const { bsize, blocks } = await statfs('/');
  t.equal((await spaceOf('/')).totalBytes, bsize * blocks);
  await t.rejects(spaceOf('/no/such/place'), /No such file/);
});

t.test('a file system that never answers is given up', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ik-senses-'));
  const { PATH } = process.env;
  t.teardown(async () => {
    process.env.PATH = PATH;
    await rm(folder, { recursive: true });
  });
  // In the place of a dead NFS server.
  await writeFile(join(folder, 'stat'), '#!/bin/sh\nexec sleep 1000\n');
  await chmod(join(folder, 'stat'), 0o755);
  process.env.PATH = `${folder}:${PATH}`;
  await t.rejects(spaceOf('/', 100), /did not answer within 0.1 seconds/);
});
