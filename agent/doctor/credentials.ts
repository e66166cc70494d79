// Are tokens, keys and certificates there, kept to root, and in their time?
import { X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { type Check, type CheckContext, type Finding, fault, fine, warning } from './check.ts';

const SOON_MS = 14 * 24 * 3_600_000;
type Kind = 'secret' | 'certificate';

/** Every credential that the configuration names. */
function files({
  control_plane,
  control_plane_listener,
  api_listener,
}: CheckContext['config']): [Kind, string][] {
  const listeners = [control_plane_listener, api_listener].filter((each) => each !== undefined);
  const callers = [...(control_plane_listener?.control_plane ?? []), ...(api_listener?.caller ?? [])];
  const all: [Kind, string | undefined][] = [
    ...[...control_plane, ...callers].map(({ token_file }): [Kind, string | undefined] => [
      'secret',
      token_file,
    ]),
    ...[...control_plane, ...listeners].flatMap(
      ({ key_file, cert_file, ca_file }): [Kind, string | undefined][] => [
        ['secret', key_file],
        ['certificate', cert_file],
        ['certificate', ca_file],
      ],
    ),
  ];
  return all.filter((each): each is [Kind, string] => each[1] !== undefined);
}

export const credentials: Check = {
  name: 'credentials',
  async run({ config, senses }) {
    const all = files(config);
    const found = (await Promise.all(all.map(([kind, path]) => look(kind, path, senses)))).flat();
    return found.length > 0 ? found : [fine(`${all.length} files of tokens, keys and certificates are good`)];
  },
};

async function look(
  kind: Kind,
  path: string,
  senses: CheckContext['senses'],
): Promise<Omit<Finding, 'check'>[]> {
  let text: string;
  try {
    text = await senses.readFile(path);
  } catch (error) {
    const found = `${path} cannot be read: ${(error as Error).message}`;
    return [
      fault(
        'credential-unreadable',
        found,
        'The link that needs it stays down.',
        'Put it back, or correct the path.',
      ),
    ];
  }
  if (kind === 'certificate') return validity(path, text, senses.now());
  const { mode } = await stat(path);
  if ((mode & 0o007) === 0) return [];
  const means = 'Every user of this host can act as this agent.';
  return [
    fault(
      'credential-exposed',
      `${path} can be read by everybody.`,
      means,
      `chmod 600 ${path}, and renew it.`,
    ),
  ];
}

function validity(path: string, text: string, now: number): Omit<Finding, 'check'>[] {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(text);
  } catch {
    return [
      fault(
        'credential-unreadable',
        `${path} is no certificate.`,
        'The link that needs it stays down.',
        'It must be PEM.',
      ),
    ];
  }
  const end = certificate.validToDate.getTime();
  const until = certificate.validToDate.toISOString();
  const means = 'Links that need it cannot be opened after that.';
  const what = 'Renew it; the agent reads it anew by itself, or on SIGHUP where it listens.';
  if (end <= now) return [fault('certificate-expired', `${path} was good until ${until}.`, means, what)];
  if (certificate.validFromDate.getTime() > now) {
    return [
      fault('certificate-not-yet-valid', `${path} is not good yet.`, means, 'Check the clock, or wait.'),
    ];
  }
  if (end - now > SOON_MS) return [];
  return [warning('certificate-expiring', `${path} is good until ${until} only.`, means, what)];
}
