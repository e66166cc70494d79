// nginx with one worker, for comparison; unpacked beside us rather than installed, where it would start by itself.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Where the server is in Debian's packages, and in Ubuntu's. */
const PACKAGES = ['nginx', 'nginx-core'];

/** Path of the program: the one installed, or one unpacked into `folder`. @throws if apt has none */
async function program(folder: string): Promise<string> {
  const installed = '/usr/sbin/nginx';
  const unpacked = join(folder, 'usr/sbin/nginx');
  for (const path of [installed, unpacked])
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  for (const name of PACKAGES) {
    await run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', name], { cwd: folder }).catch(
      () => {},
    );
    await run('sh', ['-c', `dpkg -x ${name}_*.deb .`], { cwd: folder }).catch(() => {});
    if (
      await access(unpacked).then(
        () => true,
        () => false,
      )
    )
      return unpacked;
  }
  throw new Error('apt has no package with nginx');
}

/** Starts it in a namespace, answering everything with `bytes` octets. */
export async function startNginx(
  namespace: string,
  folder: string,
  port: number,
  bytes: number,
): Promise<ChildProcess> {
  const path = await program(folder);
  const file = join(folder, 'nginx.conf');
  await writeFile(
    file,
    `daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; default_type application/octet-stream;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server { listen 169.254.169.254:${port} backlog=4096; location / { return 200 "${'x'.repeat(bytes)}"; } }
}
`,
  );
  const args = ['netns', 'exec', namespace, path, '-p', folder, '-c', file, '-e', 'stderr'];
  return spawn('ip', args, { stdio: ['ignore', 'inherit', 'inherit'] });
}
