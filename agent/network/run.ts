// Runs one command of the host (ip, nft, bridge): fed by its standard input, bounded in time and in output.
import { spawn } from 'node:child_process';
import { InnkeeperError } from '../resources/errors.ts';
import { inHostMounts } from '../service-manager/host-mounts.ts';

/** Runs a command and gives its standard output; rejects with `internal` and the command's own words. */
export type Run = (command: string, args: readonly string[], input?: string) => Promise<string>;

/** ip and nft answer in milliseconds; a minute means that something holds the kernel's lock for good. */
const TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const MAX_STDERR_CHARACTERS = 4096;

/** A daemon's PATH may lack the sbin directories, and the messages are read by people and by tests. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' };

/** The runner used outside of unit tests. */
export const run: Run = (command, args, input = '') =>
  new Promise((resolve, reject) => {
    const line = [command, ...args].join(' ');
    const output: Buffer[] = [];
    let size = 0;
    let complaint = '';
    // Namespaces are mounts; the kernel's switches are read-only in the service's own view.
    const [program, all] =
      command === 'ip' || command === 'sh' ? inHostMounts(command, args) : [command, args];
    const child = spawn(program, all, { env: ENVIRONMENT, stdio: 'pipe' });
    // Not spawn's own timeout: that one would outlive a command that cannot be started.
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_OUTPUT_BYTES) child.kill('SIGKILL');
      else output.push(chunk);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (complaint.length < MAX_STDERR_CHARACTERS) complaint += text.slice(0, MAX_STDERR_CHARACTERS);
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new InnkeeperError('internal', `'${line}' could not be run: ${error.message}`, {}, error));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(Buffer.concat(output).toString('utf8'));
      else {
        const how = signal ? `was ended by ${signal}` : `failed with ${code}`;
        reject(new InnkeeperError('internal', `'${line}' ${how}: ${complaint.trim() || 'it said nothing'}`));
      }
    });
    // A command that dies early closes its end first; 'close' above then tells why.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
