// Certificates for tests: an authority, and what it signs, made by openssl in a folder that goes with the test.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';

const run = promisify(execFile);

/** PEM text. */
export interface Pair {
  cert: string;
  key: string;
}

/** Signs certificates of one authority. */
export interface Authority {
  ca: string;
  /** A certificate for 127.0.0.1 and for clients, with this common name. */
  issue(name: string, validity?: 'valid' | 'expired'): Promise<Pair>;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const TIMES = {
  valid: ['-days', '1'],
  expired: ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'],
};

/** A fresh authority. */
export async function authority(t: Pick<Test, 'teardown'>): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'ikt-ca-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const openssl = (...words: string[]) => run('openssl', words, { cwd: folder });
  // x509 cannot date a certificate back; ca can, and wants a small data base for it.
  const lines = ['[a]', 'database=db', 'serial=serial', 'new_certs_dir=.', 'default_md=sha256', 'policy=p'];
  lines.push('unique_subject=no', 'x509_extensions=e', '[p]', 'commonName=supplied');
  lines.push('[e]', 'subjectAltName=IP:127.0.0.1');
  await writeFile(join(folder, 'ca.cnf'), `${lines.join('\n')}\n`);
  await writeFile(join(folder, 'db'), '');
  await writeFile(join(folder, 'serial'), '01\n');
  await openssl('req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=authority');
  return {
    ca: await readFile(join(folder, 'ca.pem'), 'utf8'),
    async issue(name, validity = 'valid') {
      await openssl('req', ...NEW_KEY, '-keyout', 'new.key', '-out', 'new.csr', '-subj', `/CN=${name}`);
      const files = ['-cert', 'ca.pem', '-keyfile', 'ca.key', '-in', 'new.csr', '-out', 'new.pem', '-notext'];
      await openssl('ca', '-batch', '-config', 'ca.cnf', '-name', 'a', ...files, ...TIMES[validity]);
      return {
        cert: await readFile(join(folder, 'new.pem'), 'utf8'),
        key: await readFile(join(folder, 'new.key'), 'utf8'),
      };
    },
  };
}
